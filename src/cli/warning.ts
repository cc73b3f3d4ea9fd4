/** One line for people, beside whatever a program reads. */
export function warn(message: string): void {
  process.stderr.write(`tabseed: warning: ${message}\n`);
}
