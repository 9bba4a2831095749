/** A text with names to be filled in: `order:{id}` is `['order:', { name: 'id' }]`. */
export type TemplatePart = string | { readonly name: string }

/** The parts of a template, or its first brace that opens or closes nothing. There is no way to write a brace itself. */
export function readTemplate(text: string): readonly TemplatePart[] | { readonly stray: string } {
  const parts: TemplatePart[] = []
  let end = 0
  for (const found of text.matchAll(/\{([^{}]*)\}|[{}]/g)) {
    const [whole, name] = found
    if (name === undefined) return { stray: whole }
    if (found.index > end) parts.push(text.slice(end, found.index))
    parts.push({ name })
    end = found.index + whole.length
  }
  return end < text.length ? [...parts, text.slice(end)] : parts
}
