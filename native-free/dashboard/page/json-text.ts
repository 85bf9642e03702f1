/**
 * JSON with line breaks and indents, character by character: to read it into values and write these would make
 * other numbers of large ones, and one of two fields of the same name.
 */

/** What is nested deeper is shown as it came: each level costs an indent in each of its lines. */
const MAX_DEPTH = 64;
const INDENT = '  ';
/** Strings, then what opens and closes, then what is between values, then the rest of a value. */
const PARTS = /"(?:[^"\\]|\\.)*"|[[\]{}]|[:,]|[^\s[\]{}:,"]+/gsu;

/** null: the text is no JSON object or array, or a very deep one. */
export function indented(text: string): string | null {
  if (!/^\s*[[{]/.test(text) || !isJson(text)) {
    return null;
  }
  let depth = 0;
  let last = '';
  const pieces: string[] = [];
  for (const [part] of text.matchAll(PARTS)) {
    const isClosing = part === ']' || part === '}';
    if (isClosing) {
      depth--;
    }
    const isEmpty = isClosing && (last === '[' || last === '{');
    if (!isEmpty && (isClosing || last === '[' || last === '{' || last === ',')) {
      pieces.push('\n', INDENT.repeat(depth));
    }
    pieces.push(part === ':' ? ': ' : part);
    if (part === '[' || part === '{') {
      depth++;
    }
    if (depth > MAX_DEPTH) {
      return null;
    }
    last = part;
  }
  return pieces.join('');
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
