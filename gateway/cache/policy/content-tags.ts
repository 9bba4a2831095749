import { type Fields, fieldsOf, linesOf, listLimit, listMembers } from './fields.ts'
import { readStringList } from './structured-field.ts'

/** Tags and groups that an answer may declare; beyond it the answer is not stored. So many more its route may give it. */
export const declaredLimit = 50
/** Longest tag or group, bytes. */
export const tagLimitBytes = 128

/**
 * What a service tagged its answer with: `t:` and a tag, `g:` and a group. `too-many`, when one of them could not be kept: a
 * dropped tag would be a purge that leaves the answer standing.
 */
export function contentTags(headers: readonly string[], names?: readonly string[]): readonly string[] | 'too-many' {
  const fields = names === undefined ? fieldsOf(headers) : { headers, names }
  const tags = new Set<string>()
  // Surrogate-Key is no comma list: a comma in it is part of a tag.
  const keys = linesOf(fields, 'surrogate-key').join(' ')
  const spaced = keys.length > listLimit ? undefined : keys.split(/[ \t]/).filter((tag) => tag !== '')
  const whole =
    addTags(spaced, tags) && addTags(listMembers(linesOf(fields, 'cache-tag')), tags) && addGroups(fields, tags)
  return whole && tags.size <= declaredLimit ? [...tags] : 'too-many'
}

function addTags(declared: readonly string[] | undefined, into: Set<string>): boolean {
  if (declared === undefined) return false
  for (const tag of declared) {
    if (!isTag(tag)) return false
    into.add(`t:${tag}`)
  }
  return true
}

/** RFC 9875 section 2: a field with anything but strings in it means nothing. */
function addGroups(fields: Fields, into: Set<string>): boolean {
  const lines = linesOf(fields, 'cache-groups')
  if (lines.length === 0) return true
  const groups = readStringList(lines)
  if (groups === undefined) return lines.join(', ').length <= listLimit
  for (const group of groups) {
    if (group.length > tagLimitBytes) return false
    into.add(`g:${group}`)
  }
  return true
}

/** 1 to 128 visible ASCII bytes: what the cache API takes as a tag to purge. */
function isTag(text: string): boolean {
  if (text.length === 0 || text.length > tagLimitBytes) return false
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code < 0x21 || code > 0x7e) return false
  }
  return true
}
