import type { RewritePolicy } from '#routes/policy.ts'
import type { RouteFacts, ServiceFacts } from '#routes/structure.ts'
import type { Site } from '#routes/vocabulary.ts'
import type { Log } from '#server-kit/log.ts'
import type { Answer } from '../answer.ts'
import type { Exchange } from '../exchange.ts'
import type { Phase } from '../phase.ts'
import { compiledOnce } from './compiled-once.ts'
import { applyEdits, type CompiledEdits } from './header-edits.ts'
import { type CompiledQueryEdits, compileQueryEdits, editQuery } from './query-edits.ts'
import { requestEdits } from './request-edits.ts'
import { rewriteBack, type WayBack, withoutOwnPort } from './rewrite-back.ts'
import { valuesOf } from './rewrite-values.ts'
import { changedPath, compilePathChange, fronts, type PathChange } from './rewritten-path.ts'
import { pathOf, safePath } from './safe-path.ts'

export interface RewriteOptions {
  readonly site: Site
  /** Fields beside our own that tell services who calls, lower case: no catalog may write them. */
  readonly identityNames: ReadonlySet<string>
  readonly log: Log
}

interface Rewrite {
  readonly path: PathChange | undefined
  readonly query: CompiledQueryEdits | undefined
  readonly edits: CompiledEdits | undefined
}

/**
 * What the service gets in place of what the client wrote: path, query and fields. Behind the cache, so that entries are kept
 * under the client's own words. On the way back the service's words about itself become those of the client (H13).
 */
export function rewrite({ site, identityNames, log }: RewriteOptions): Phase {
  const rewriteOf = compiledOnce('rewrite', log, (route: RouteFacts): Rewrite => {
    const policy = route.policy.rewrite as RewritePolicy
    return {
      path: compilePathChange(policy, route.pattern),
      query: compileQueryEdits(policy.query),
      edits: requestEdits(policy, identityNames),
    }
  })

  return {
    name: 'rewrite',
    before(x: Exchange): undefined {
      const route = x.decision?.route
      if (route?.policy.rewrite === undefined) return undefined
      const { path, query, edits } = rewriteOf(route)
      const values = valuesOf(x, route)
      if (path !== undefined || query !== undefined) {
        const raw = pathOf(x.target)
        const rawQuery = x.target.slice(raw.length)
        const next =
          path === undefined ? raw : safePath(x, changedPath(path, raw, x.decision?.target.key ?? '', values))
        x.rewritten = next + (query === undefined ? rawQuery : editQuery(rawQuery, query, values))
      }
      if (edits !== undefined) {
        const before = x.editHead
        x.editHead = (head) => applyEdits(before === undefined ? head : before(head), edits, values)
      }
      if (x.explained !== undefined) {
        x.explained['rewrite'] = {
          target: x.rewritten ?? x.target,
          headers: edits?.written.map(({ name }) => name) ?? [],
        }
      }
      return undefined
    },
    after(x: Exchange, answer: Answer): Answer {
      const route = x.decision?.route
      if (route?.policy.rewrite === undefined || answer.problem !== undefined || x.rewritten === undefined)
        return answer
      const { path } = rewriteOf(route)
      if (path === undefined) return answer
      const headers = rewriteBack(answer.headers, () => wayBack(x, route, path, site))
      return headers === answer.headers ? answer : { ...answer, headers }
    },
  }
}

function wayBack(x: Exchange, route: RouteFacts, path: PathChange, site: Site): WayBack {
  const service = x.table?.index.services.get(route.service)
  const known = service === undefined ? new Set<string>() : authoritiesAt(service, site)
  const authorities = x.endpoint === undefined ? known : new Set([...known, x.endpoint])
  return { ...fronts(path, pathOf(x.target), valuesOf(x, route)), authorities, scheme: x.scheme, host: x.host }
}

/** Under which names a service may speak of itself: those of its instances, and the one that we write into Host. */
function authoritiesAt(service: ServiceFacts, site: Site): Set<string> {
  const authorities = new Set<string>()
  for (const { site: at, url, more = [], host } of service.deployments) {
    if (at !== site) continue
    for (const each of [url, ...more]) {
      const { host: authority, protocol } = new URL(each)
      authorities.add(withoutOwnPort(authority.toLowerCase(), protocol.slice(0, -1)))
    }
    if (host !== undefined) authorities.add(host.toLowerCase())
  }
  return authorities
}
