import { isUtf8 } from 'node:buffer'

/**
 * A key on the wire is bytes, one of the store is text. Bytes that are UTF-8 are that text, so that the cache API names the
 * same item; others stand behind a mark that no key of the store begins with for another reason.
 */

/** A noncharacter of Unicode: nobody's text begins with it, and whoever's does is put behind the mark as well. */
const mark = '\u{10ffff}'
const utf8Mark = '\xf4\x8f\xbf\xbf'
const beyondAscii = /[\x80-\xff]/

/** `wire`: one character a byte. Two keys on the wire are never one of the store. */
export function storeKey(wire: string): string {
  if (!beyondAscii.test(wire)) return wire
  const bytes = Buffer.from(wire, 'latin1')
  return isUtf8(bytes) && !wire.startsWith(utf8Mark) ? bytes.toString() : `${mark}${wire}`
}

/** The bytes that a client sent for this key of the store. */
export function wireKey(key: string): Buffer {
  if (key.startsWith(mark)) return Buffer.from(key.slice(mark.length), 'latin1')
  return Buffer.from(key)
}
