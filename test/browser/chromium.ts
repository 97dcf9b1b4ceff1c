import { execFileSync } from 'node:child_process';
import { type Browser, chromium } from 'playwright-core';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome'];

export function launchChromium(): Promise<Browser> {
  const executablePath = process.env.CHROMIUM_PATH ?? findChromium();
  return chromium.launch({ executablePath, args: ['--no-sandbox'] });
}

function findChromium(): string {
  for (const name of NAMES) {
    try {
      return execFileSync('which', [name], { encoding: 'utf8' }).trim();
    } catch {
      // The next name may be the one.
    }
  }
  throw new Error(
    `None of ${NAMES.join(', ')} is on the PATH; set CHROMIUM_PATH.`,
  );
}
