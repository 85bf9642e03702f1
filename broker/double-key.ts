/** JSON with one key twice: `JSON.parse` takes the last and says nothing of the others. */

/** The first key that an object in `text` has twice; null: none. `text` is JSON. */
export function doubleKey(text: string): string | null {
  /** Of each object or list that is open here; null: a list. */
  const open: (Set<string> | null)[] = [];
  const marks = /["{}[\]]/g;
  for (let mark = marks.exec(text); mark !== null; mark = marks.exec(text)) {
    if (mark[0] === '{' || mark[0] === '[') {
      open.push(mark[0] === '{' ? new Set() : null);
      continue;
    }
    if (mark[0] !== '"') {
      open.pop();
      continue;
    }
    const end = endOfText(text, mark.index + 1);
    marks.lastIndex = end + 1;
    const keys = open.at(-1);
    if (keys != null && isKey(text, end + 1)) {
      const written = text.slice(mark.index + 1, end);
      const key = written.includes('\\') ? (JSON.parse(`"${written}"`) as string) : written;
      if (keys.has(key)) {
        return key;
      }
      keys.add(key);
    }
  }
  return null;
}

/** Where the quote is that ends the text from `start` on. */
function endOfText(text: string, start: number): number {
  for (let end = text.indexOf('"', start); ; end = text.indexOf('"', end + 1)) {
    let slashes = 0;
    while (text[end - 1 - slashes] === '\\') {
      slashes++;
    }
    if (slashes % 2 === 0) {
      return end;
    }
  }
}

/** A colon follows. */
function isKey(text: string, from: number): boolean {
  let at = from;
  while (at < text.length && ' \t\r\n'.includes(text[at] as string)) {
    at++;
  }
  return text[at] === ':';
}
