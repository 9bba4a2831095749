import type { Log } from '#server-kit/log.ts'
import { problems } from '../errors.ts'

/**
 * What a phase makes of a policy or a route, made at its first request and kept as long as the table that holds it. A policy
 * of which nothing can be made refuses each of its requests with `policy-unusable`, and is told once: a guard that cannot
 * be read must not count as no guard.
 */
export function compiledOnce<Source extends object, Made>(
  what: string,
  log: Log,
  make: (source: Source) => Made,
): (source: Source) => Made {
  const made = new WeakMap<Source, { readonly value: Made } | undefined>()
  return (source) => {
    const known = made.get(source)
    if (known !== undefined) return known.value
    if (made.has(source)) throw problems['policy-unusable']({ what })
    try {
      const value = make(source)
      made.set(source, { value })
      return value
    } catch (cause) {
      made.set(source, undefined)
      log.error({ what, err: cause }, 'a policy of the catalog cannot be used; its routes answer 500')
      throw problems['policy-unusable']({ what, cause })
    }
  }
}
