/** What one look says: never more than its evidence. */
export interface Judgement {
  /** `unknown`: it could not be seen from here. */
  readonly verdict: 'ok' | 'wrong' | 'unknown'
  readonly evidence: string
  /** What to change, or how to look. */
  readonly fix?: string
}

/** A line of the report. */
export interface Finding extends Judgement {
  readonly probe: string
  /** Of several that one probe looks at: a site. */
  readonly subject?: string
}

export function ok(evidence: string): Judgement {
  return { verdict: 'ok', evidence }
}

export function wrong(evidence: string, fix: string): Judgement {
  return { verdict: 'wrong', evidence, fix }
}

export function unknown(evidence: string, fix?: string): Judgement {
  return { verdict: 'unknown', evidence, ...(fix === undefined ? {} : { fix }) }
}
