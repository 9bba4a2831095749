import { isFrontHeader } from '#routes/front-headers.ts'
import type { RewritePolicy } from '#routes/policy.ts'
import { type CompiledEdits, compileEdits, twinless } from './header-edits.ts'

/**
 * What a route edits of the fields that its service gets; undefined = nothing. `identityNames`: fields beside our own that tell
 * services who calls, lower case: no catalog may write them.
 */
export function requestEdits(
  { request }: RewritePolicy,
  identityNames: ReadonlySet<string>,
): CompiledEdits | undefined {
  return compileEdits(request, (name) => isFrontHeader(name) || identityNames.has(twinless(name)))
}
