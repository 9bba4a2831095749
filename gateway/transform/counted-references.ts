import { isMapping, keywords } from '#routes/json-schema-keywords.ts'

/** Stands beside each `$ref`: whoever compiles the schema gives it a meaning that is asked before the reference is followed. */
export const referenceMark = 'tidegate-reference'

/**
 * The schema with a mark beside each of its references. Only they can make a check longer than schema and value: where two
 * alternatives lead back to the same definition, each level of a value doubles the work.
 */
export function withMarkedReferences(schema: unknown): unknown {
  if (!isMapping(schema)) return schema
  const marked = Object.entries(schema).map(([keyword, argument]) => [keyword, below(keyword, argument)] as const)
  return Object.fromEntries(Object.hasOwn(schema, '$ref') ? [...marked, [referenceMark, true] as const] : marked)
}

/** Where a keyword's argument has schemas; texts and values that look like one stay as they are. */
function below(keyword: string, argument: unknown): unknown {
  switch (Object.hasOwn(keywords, keyword) ? keywords[keyword] : undefined) {
    case 'schema':
      return withMarkedReferences(argument)
    case 'schemas':
      return Array.isArray(argument) ? argument.map(withMarkedReferences) : argument
    case 'named schemas':
    case 'schemas by pattern':
      if (!isMapping(argument)) return argument
      return Object.fromEntries(Object.entries(argument).map(([name, each]) => [name, withMarkedReferences(each)]))
    default:
      return argument
  }
}
