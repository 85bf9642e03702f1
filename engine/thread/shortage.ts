/** What is short, in words of who can give more of it; what says of no shortage is left as it is. */
export function shortageIn(message: string): string {
  if (/\bE[MN]FILE\b/.test(message)) {
    return `the broker's process has too few file descriptors left (${message}); raise the limit of open files (ulimit -n), or lower maxConnections`;
  }
  return /\bENOMEM\b|out of memory/i.test(message) ? `too little memory is left (${message})` : message;
}
