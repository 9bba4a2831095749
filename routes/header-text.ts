/** A field name (RFC 9110 section 5.1), at most 128 characters. */
export function isHeaderName(value: unknown): value is string {
  return typeof value === 'string' && name.test(value)
}

/** A field value that is one line and as sent (RFC 9110 section 5.5): nothing in it can begin another field. At most 8 KiB. */
export function isHeaderValue(value: unknown): value is string {
  return typeof value === 'string' && value.length <= longestValue && content.test(value)
}

const name = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/
const longestValue = 8192
/** Bytes as Node writes them: one a character. */
const content = /^[\t\x20-\x7e\x80-\xff]*$/
