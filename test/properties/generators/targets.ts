import type { LinearRoute } from '#routes/linear-matcher.ts'
import type { Segment } from '#routes/pattern.ts'
import type { Random } from './random.ts'

/** What a look-up is asked: host, raw request target, method. */
export interface Question {
  readonly host: string
  readonly target: string
  readonly method: string
}

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'get', '', 'PROPFIND']
const values = [
  'Aa',
  'BB',
  '1',
  'a',
  '42',
  'v1',
  'users',
  'orders',
  'x:cancel',
  ':cancel',
  '%7Bid%7D',
  '%E7%94%A8',
  'a.b',
  '-',
  '~',
  '%2E',
]
const oddPieces = [
  '/',
  '//',
  '',
  '.',
  '..',
  '%',
  '%2',
  '%2f',
  '%2F',
  '%5c',
  '\\',
  '%00',
  '\u0000',
  'é',
  '用',
  '%C0%AF',
  '%25',
  '%252e',
  '%41',
  ';x',
  ':',
  '*',
  '**',
  '{id}',
  '?',
  '#',
  ' ',
]
const hosts = ['api.example.com', 'example.com', 'a.b.example.com', 'other.test', 'localhost', '', '.', 'b.example.com']

/**
 * One question about these routes: a path made from a pattern, most often changed a little afterwards, so that it lies
 * on the border between matching, matching another route and matching none; sometimes any bytes at all.
 */
export function questionAbout(routes: readonly LinearRoute[], random: Random): Question {
  const route = random.pick(routes)
  const method = random.chance(70) ? random.pick(route.methods ?? methods) : random.pick(methods)
  return { host: hostNear(route.host, random), target: targetNear(route, routes, random), method }
}

function hostNear(host: string | undefined, random: Random): string {
  if (host === undefined || random.chance(20)) return random.pick(hosts)
  if (!host.startsWith('*.')) return random.chance(10) ? `x.${host}` : host
  return random.pick(['x', 'x.y', 'api', '']) + host.slice(1)
}

function targetNear(route: LinearRoute, routes: readonly LinearRoute[], random: Random): string {
  if (random.chance(3)) return anyBytes(random)
  let target = pathOf(route.pattern.segments, random)
  const changes = random.pick([0, 0, 1, 1, 2, 4])
  for (let change = 0; change < changes; change++) target = changed(target, routes, random)
  return target
}

function pathOf(segments: readonly Segment[], random: Random): string {
  return segments.map((segment) => pieceFor(segment, random)).join('')
}

function pieceFor(segment: Segment, random: Random): string {
  switch (segment.kind) {
    case 'literal':
      return `/${segment.text}`
    case 'parameter':
      return `/${random.pick(values)}${segment.suffix}`
    case 'tail':
      return random.pick(['', '/', '/a', '/a/b', '/a//b', '/users/1'])
  }
}

function changed(target: string, routes: readonly LinearRoute[], random: Random): string {
  const at = random.below(target.length + 1)
  switch (random.below(7)) {
    case 0:
      return target.slice(0, at) + random.pick(oddPieces) + target.slice(at)
    case 1:
      return target.slice(0, at) + target.slice(at + 1)
    case 2:
      return random.chance(50) ? `${target}/` : target.replace(/\/$/, '')
    case 3:
      return `${target}?q=${random.below(9)}`
    case 4:
      return withSegment(target, random, random.pick(values))
    case 5: {
      // A literal of another route in the place of a segment: where branches of the trie compete.
      const segment = random.pick(random.pick(routes).pattern.segments)
      return withSegment(target, random, segment.kind === 'literal' ? segment.text : random.pick(values))
    }
    default:
      return target.slice(0, at)
  }
}

function withSegment(target: string, random: Random, value: string): string {
  const parts = target.split('/')
  const at = 1 + random.below(Math.max(1, parts.length - 1))
  parts[at] = value
  return parts.join('/')
}

function anyBytes(random: Random): string {
  const length = random.below(40)
  return Array.from({ length }, () => String.fromCharCode(random.below(random.chance(90) ? 128 : 65536))).join('')
}
