import { problems as common } from '#routes/errors.ts'
import type { RewritePolicy } from '#routes/policy.ts'
import { rawOffset } from './raw-captures.ts'
import type { ValueOf } from './rewrite-values.ts'
import { compileTemplate, fillTemplate, type Template } from './template.ts'

/** How a route's paths become its service's, and where the two part, for the way back. */
export type PathChange =
  | { readonly kind: 'prefixes'; readonly strip: string; readonly add: string }
  /** `head`: the front of the service's path; the client's first `segments` stand in its place. undefined = all of them. */
  | {
      readonly kind: 'template'
      readonly path: Template
      readonly head: Template
      readonly segments: number | undefined
    }

/** Undefined for a route that leaves its paths alone. */
export function compilePathChange(policy: RewritePolicy, pattern: string): PathChange | undefined {
  if (policy.path !== undefined) return templateChange(policy.path, pattern)
  const strip = withoutLastSlash(policy.stripPrefix ?? '')
  const add = withoutLastSlash(policy.addPrefix ?? '')
  return strip === '' && add === '' ? undefined : { kind: 'prefixes', strip, add }
}

/** The path that the service gets. `key` is the canonical form of `path`. */
export function changedPath(change: PathChange, path: string, key: string, valueFor: ValueOf): string {
  if (change.kind === 'template') return fillTemplate(change.path, valueFor) ?? unfit()
  const { strip, add } = change
  if (strip === '') return add + path
  // `trailingSlash: ignore` may match what the prefix does not: no guess is made then.
  if (!key.startsWith(strip)) return unfit()
  const rest = path.slice(rawOffset(path, strip.length))
  if (rest !== '' && !rest.startsWith('/')) return unfit()
  return add + rest || '/'
}

/** The fronts that stand for one another: `service` in paths of the service, `client` in the client's. */
export function fronts(change: PathChange, path: string, valueFor: ValueOf): { service: string; client: string } {
  if (change.kind === 'prefixes') return { service: change.add, client: change.strip }
  const service = fillTemplate(change.head, valueFor) ?? unfit()
  const { segments } = change
  return { service, client: segments === undefined ? path : path.split('/').slice(0, segments).join('/') }
}

/** Path and pattern from the right: what they have in common is the same on both sides. */
function templateChange(path: string, pattern: string): PathChange {
  const ours = path.split('/')
  const theirs = pattern.split('/')
  let shared = 0
  while (shared < ours.length - 1 && shared < theirs.length - 1 && same(ours.at(-1 - shared), theirs.at(-1 - shared))) {
    shared++
  }
  return {
    kind: 'template',
    path: compileTemplate(path),
    head: compileTemplate(ours.slice(0, ours.length - shared).join('/')),
    segments: shared === 0 ? undefined : theirs.length - shared,
  }
}

function same(ours: string | undefined, theirs: string | undefined): boolean {
  return ours === theirs || (ours === '{rest}' && theirs === '**')
}

function withoutLastSlash(prefix: string): string {
  return prefix.endsWith('/') ? prefix.slice(0, -1) : prefix
}

function unfit(): never {
  throw common['target-unsafe']({ classes: 'not of the rewritten prefix' })
}
