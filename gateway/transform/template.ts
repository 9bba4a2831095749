import { readTemplate, type TemplatePart } from '#routes/template.ts'
import { problems } from '../errors.ts'

export type Template = readonly TemplatePart[]

/** Reads `plan-{claim.plan}`. Throws `policy-unusable` for a brace without its partner. */
export function compileTemplate(text: string): Template {
  const parts = readTemplate(text)
  if ('stray' in parts) throw problems['policy-unusable']({ what: 'template', text })
  return parts
}

/** The text with its values; undefined when one is missing: half a value says something else than none. */
export function fillTemplate(parts: Template, valueFor: (name: string) => string | undefined): string | undefined {
  let text = ''
  for (const part of parts) {
    const value = typeof part === 'string' ? part : valueFor(part.name)
    if (value === undefined) return undefined
    text += value
  }
  return text
}
