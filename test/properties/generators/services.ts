/**
 * How services and what stands before them read the path of a request, each after its own documentation and without a word
 * of ours: what their handlers are looked up by. Undefined = they refuse it.
 */
export type ReadsPath = (path: string) => string | undefined

/** A web server that decodes once, walks dots and joins slashes. */
const nginx: ReadsPath = (path) => {
  const decoded = decodeOnce(path)
  return decoded.includes('\0') ? undefined : walk(decoded.split('/'), true)
}

/** A container that takes parameters off each segment, decodes, turns backslashes around, joins and walks. */
const servlet: ReadsPath = (path) => {
  const bare = path
    .split('/')
    .map((segment) => segment.split(';', 1)[0] as string)
    .join('/')
  return walk(decodeOnce(bare).replaceAll('\\', '/').split('/'), true)
}

/** A router that compares the path as it came, without regard to case or a last slash. */
const express: ReadsPath = (path) => path.toLowerCase().replace(/(.)\/$/, '$1')

/** `new URL`: dots and backslashes, nothing decoded. */
const whatwg: ReadsPath = (path) => new URL(`http://host${path.startsWith('//') ? `/.${path}` : path}`).pathname

/** Decodes, and compares without regard to case. */
const windows: ReadsPath = (path) => walk(decodeOnce(path).replaceAll('\\', '/').split('/'), true).toLowerCase()

/** A program whose strings end at a zero byte. */
const inC: ReadsPath = (path) => decodeOnce(path).split('\0', 1)[0]

/** A web server that hands on what it decoded to a container that decodes again. */
const nginxThenServlet: ReadsPath = (path) => {
  const read = nginx(path)
  return read === undefined ? undefined : servlet(read)
}

export const services: Readonly<Record<string, ReadsPath>> = {
  nginx,
  servlet,
  express,
  whatwg,
  windows,
  inC,
  nginxThenServlet,
}

function decodeOnce(path: string): string {
  return path.replace(/%([0-9a-f]{2})/gi, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)))
}

function walk(segments: readonly string[], join: boolean): string {
  const kept: string[] = []
  for (const segment of segments.slice(1)) {
    if (segment === '.' || (join && segment === '')) continue
    if (segment === '..') kept.pop()
    else kept.push(segment)
  }
  return `/${kept.join('/')}`
}
