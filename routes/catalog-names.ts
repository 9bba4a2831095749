import type { Findings } from './findings.ts'
import { nameFix } from './nearest-name.ts'
import type { Pattern } from './pattern.ts'
import { readTemplate } from './template.ts'

/** Which names a template may hold at one place. */
export interface Placeholders {
  readonly names: readonly string[]
  /** `{claim.name}`, of whoever was let in. */
  readonly claims?: true
}

export function parametersOf(pattern: Pattern): string[] {
  return pattern.segments.flatMap((segment) => (segment.kind === 'parameter' ? segment.name : []))
}

/** With `rest`, what the tail of the pattern took. */
export function pathNamesOf(pattern: Pattern): string[] {
  const hasTail = pattern.segments.at(-1)?.kind === 'tail'
  return hasTail ? [...parametersOf(pattern), 'rest'] : parametersOf(pattern)
}

/** Tells names in a template that nothing would ever fill in. */
export function checkTemplate(
  text: string,
  { names, claims }: Placeholders,
  pointer: string,
  findings: Findings,
): void {
  const parts = readTemplate(text)
  if ('stray' in parts) {
    findings.fault(pointer, text, `a stray "${parts.stray}"`, { fix: 'a parameter is "{name}"' })
    return
  }
  for (const part of parts) {
    if (typeof part === 'string' || names.includes(part.name)) continue
    if (part.name.startsWith('claim.') && part.name !== 'claim.') {
      if (claims !== undefined) continue
      findings.fault(pointer, text, `nobody is known here, so there is no "${part.name}"`, {
        fix: 'take it out, or ask for a token by "auth"',
      })
    } else findings.fault(pointer, text, `the path has no parameter "${part.name}"`, nameFix(part.name, names))
  }
}
