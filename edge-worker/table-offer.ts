import type { TableOffer } from '#routes/messages.ts'
import type { SealedDocument } from '#routes/seal.ts'
import { document, optional, record, text } from '#routes/shape.ts'
import { type EdgeTable, limits } from '#routes/table.ts'

/** Longer answers are dropped unread: both documents at their limits, each character escaped, and their seals. */
export const offerLimitBytes = 2 * (limits.structureChars + limits.placementsChars)

/** A text as an offer whose parts have the right types; undefined for anything else. What is in them is `receive`'s to judge. */
export function parseOffer(body: string): TableOffer | undefined {
  return offerOf(document(body))
}

export function offerOf(value: unknown): TableOffer | undefined {
  const fields = record(value)
  const structure = optional(fields?.['structure'], sealedOf)
  const placements = optional(fields?.['placements'], sealedOf)
  if (fields === undefined || structure === null || placements === null) return undefined
  return { ...(structure && { structure }), ...(placements && { placements }) }
}

/** A held table as it came, to be handed on. */
export function documentsOf(table: EdgeTable | undefined): TableOffer {
  return table === undefined ? {} : { structure: table.structure.sealed, placements: table.placements.sealed }
}

/** The body as text, or undefined as soon as it is longer than `limitBytes`: a wrong document must not fill the memory. */
export async function boundedText(response: Pick<Response, 'body'>, limitBytes: number): Promise<string | undefined> {
  const decoder = new TextDecoder()
  let whole = ''
  let bytes = 0
  const reader = response.body?.getReader()
  for (;;) {
    const piece = await reader?.read()
    if (piece === undefined || piece.done) return whole + decoder.decode()
    bytes += piece.value.byteLength
    if (bytes > limitBytes) {
      await reader?.cancel()
      return undefined
    }
    whole += decoder.decode(piece.value, { stream: true })
  }
}

function sealedOf(value: unknown): SealedDocument | undefined {
  const fields = record(value)
  const whole = ['kind', 'keyId', 'signature', 'body'].every((name) => text(fields?.[name]) !== undefined)
  return whole ? (value as SealedDocument) : undefined
}
