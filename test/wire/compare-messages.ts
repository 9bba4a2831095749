import { answerChanges, requestChanges, validTrace, withoutHopByHop } from './changes-on-the-way.ts'
import type { DifferenceName } from './documented-differences.ts'
import { type Field, fieldValue, finalOf, type Message, readMessage } from './message.ts'

export interface Compared {
  /** Documented differences that this message shows. */
  readonly documented: ReadonlySet<DifferenceName>
  /** What differs all the same; empty = transparent. */
  readonly faults: readonly string[]
}

/** A request as an origin got it directly, and as it got it through the edge. */
export function compareRequests(direct: string, through: string, target?: string): Compared {
  const one = readMessage(direct)
  const predicted = predict({ ...one, ...(target !== undefined && { second: target }) }, requestChanges)
  const other = readMessage(through)
  const traced = validTrace.test(fieldValue(predicted.message.fields, 'traceparent') ?? '')
  const isOurs = ([name, value]: Field): boolean =>
    name === 'x-tidegate-edge' || (!traced && /^traceparent$/i.test(name) && validTrace.test(value))
  const compared = compare('request', predicted.message, {
    ...other,
    fields: other.fields.filter((field) => !isOurs(field)),
  })
  const ours = other.fields.filter(isOurs).map(([name]) => name)
  const expected = traced ? 1 : 2
  return {
    documented: new Set([
      'mark-added',
      ...(traced ? [] : (['trace-begun'] as const)),
      ...predicted.documented,
      ...compared.documented,
    ]),
    faults: [...compared.faults, ...(new Set(ours).size === expected ? [] : [`request: of ours came ${ours.join()}`])],
  }
}

/** The answer to `request` as a client got it directly, and as it got it through the edge. */
export function compareAnswers(request: string, direct: string, through: string): Compared {
  const asked = readMessage(request)
  const [one, other] = [finalOf(direct), finalOf(through)]
  const predicted = predict(readMessage(one), answerChanges(asked))
  const compared = compare('answer', predicted.message, withoutHopByHop(readMessage(other)))
  // The edge speaks up only to a client that waits for it.
  const begged = fieldValue(asked.fields, 'expect') !== undefined
  const unasked = other === through || begged ? [] : [`answer: ${short(through.slice(0, 12))} came first`]
  const interim = one === direct ? [] : (['informational-ends-here'] as const)
  return {
    faults: [...compared.faults, ...unasked],
    documented: new Set([...interim, ...predicted.documented, ...compared.documented]),
  }
}

function predict(message: Message, changes: ReturnType<typeof answerChanges>) {
  const documented = new Set<DifferenceName>()
  let predicted = message
  for (const [name, change] of changes) {
    const changed = change(predicted)
    if (JSON.stringify(changed) !== JSON.stringify(predicted)) documented.add(name)
    predicted = changed
  }
  return { message: predicted, documented }
}

function compare(what: string, one: Message, other: Message): Compared {
  const faults: string[] = []
  const differ = (where: string, a: unknown, b: unknown) => {
    if (a !== b) faults.push(`${what}: ${where} ${short(a)} is ${short(b)}`)
  }
  differ('line', `${one.first} ${one.second} ${one.third}`, `${other.first} ${other.second} ${other.third}`)
  const [fields, others] = [byName(one), byName(other)]
  for (const [name, field] of fields) if (!others.has(name)) faults.push(`${what}: lost ${short(field)}`)
  for (const [name, field] of others) {
    if (fields.has(name)) differ('field', fields.get(name), field)
    else faults.push(`${what}: added ${short(field)}`)
  }
  differ('framing', `${one.framing} ${one.length ?? ''}`, `${other.framing} ${other.length ?? ''}`)
  differ('body', one.body, other.body)
  differ('trailers', one.trailers.join(), other.trailers.join())
  const order = (message: Message) => [...new Set(message.fields.map(([name]) => name.toLowerCase()))].join()
  return { faults, documented: new Set(order(one) === order(other) ? [] : ['header-order']) }
}

/** All fields of a name as they were written, in their order. */
function byName({ fields }: Message): Map<string, string> {
  const named = new Map<string, string>()
  for (const [name, value] of fields) {
    const before = named.get(name.toLowerCase())
    named.set(name.toLowerCase(), `${before === undefined ? '' : `${before} \u21b5 `}${name}: ${value}`)
  }
  return named
}

function short(value: unknown): string {
  const text = String(value)
  return JSON.stringify(text.length > 70 ? `${text.slice(0, 70)}...` : text)
}
