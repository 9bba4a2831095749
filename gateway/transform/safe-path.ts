import { canonicalTarget, unsafeBit, unsafeClasses } from '#routes/canonical-target.ts'
import { problems as common } from '#routes/errors.ts'
import type { Exchange } from '../exchange.ts'

/**
 * Gives the path back, or refuses the request with `target-unsafe`: what a rewrite makes of a path must not be readable as
 * another one. Only a class that the route accepts by name, and that the request had already, may stay; two slashes at the
 * front never, since many read a host name behind them.
 */
export function safePath(x: Exchange, path: string): string {
  const { unsafe } = canonicalTarget(path)
  if (unsafe === 0) return path
  let left = unsafe
  const { target, route } = x.decision ?? {}
  for (const name of route?.policy.accepts ?? []) left &= ~((target?.unsafe ?? 0) & unsafeBit(name))
  if (left !== 0 || path.startsWith('//')) {
    throw common['target-unsafe']({ classes: unsafeClasses(unsafe).join(', ') })
  }
  return path
}

/** The path of a target, without its query. */
export function pathOf(target: string): string {
  const mark = target.indexOf('?')
  return mark < 0 ? target : target.slice(0, mark)
}
