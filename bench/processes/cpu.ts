/**
 * User and system time of all threads of this process so far, in microseconds: `getrusage`, the operating
 * system's own account. `/proc/<pid>/stat` shows the same account in steps of 10 ms, too coarse here.
 */
export function cpuTime(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}
