/**
 * Texts of other people (reasons, names, addresses) on someone's terminal: none may move the cursor, colour the screen
 * or turn the direction of a line. Written as `\u001b`, which JSON reads as the very character.
 */

/** As it is written out: line ends and tabs stay. */
export function terminalSafe(text: string): string {
  return text.replace(unsafe, escaped)
}

/** In a cell or a row, where a line end would make a row of its own. */
export function oneLine(text: string): string {
  return terminalSafe(text).replace(/[\n\t]/g, escaped)
}

/** C0 but line end and tab, DEL, C1, and the marks, embeddings, overrides and isolates of direction (UAX #9). */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is taken out
const unsafe = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}
