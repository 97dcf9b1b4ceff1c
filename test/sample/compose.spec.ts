import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const sample = join(import.meta.dirname, '../../sample/movie-events');
const root = join(sample, '../..');
const yaml = createRequire(import.meta.url)('js-yaml') as {
  load(text: string): any;
};

const read = (name: string) => readFileSync(join(sample, name), 'utf8');

describe('compose.yaml of the movie-events app', () => {
  const { services, volumes } = yaml.load(read('compose.yaml'));
  const nodes = ['node-a', 'node-b'].map((name) => services[name]);
  const nginx = read('nginx.conf');
  const dockerfile = read('Dockerfile');

  it('has the nodes that nginx.conf names, at the port that they listen on', () => {
    const upstreams = Array.from(
      nginx.matchAll(/^\s*server ([\w-]+):(\d+)/gm),
      ([, name, port]) => ({ name, port }),
    );
    expect(upstreams.map(({ name }) => name)).toEqual(['node-a', 'node-b']);
    const [, exposed] = /^EXPOSE (\d+)$/m.exec(dockerfile)!;
    for (const { name, port } of upstreams) {
      expect(services[name!]).toBeDefined();
      expect(port).toBe(exposed);
    }
  });

  it('publishes the port on which nginx listens, and no other', () => {
    const [, port] = /^\s*listen (\d+);/m.exec(nginx)!;
    const published = Object.entries<any>(services).filter(
      ([, { ports }]) => ports,
    );
    expect(published).toEqual([['nginx', expect.anything()]]);
    expect(services.nginx.ports).toEqual([`8080:${port}`]);
  });

  it('gives both nodes the same log and the same movies', () => {
    for (const node of nodes) {
      const { LOG, DATA_DIR } = node.environment;
      expect(services).toHaveProperty(new URL(LOG).hostname);
      expect(node.volumes).toEqual([`movies:${DATA_DIR}`]);
      expect(volumes).toHaveProperty('movies');
      expect(dockerfile).toContain(`mkdir ${DATA_DIR} `);
    }
  });

  it('keeps what Redis has, and lets it evict nothing', () => {
    const { command, volumes: mounted } = services.redis;
    expect(command).toMatch(/--appendonly yes/);
    expect(command).toMatch(/--maxmemory-policy noeviction/);
    expect(mounted).toEqual(['log:/data']);
    expect(volumes).toHaveProperty('log');
  });

  it('leaves a node more time to end than its streams take', () => {
    const closeGrace = 5;
    for (const { stop_grace_period } of nodes) {
      expect(parseInt(stop_grace_period)).toBeGreaterThan(closeGrace);
    }
  });

  it('builds from files that are there', () => {
    for (const { build } of nodes) {
      const context = join(sample, build.context);
      expect(join(context)).toBe(root);
      expect(existsSync(join(context, build.dockerfile))).toBe(true);
    }
    const copied = Array.from(
      dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm),
      ([, sources]) => sources!.split(' '),
    ).flat();
    expect(copied).toContain('package.json');
    for (const source of copied) {
      expect(existsSync(join(root, source))).toBe(true);
    }
  });
});
