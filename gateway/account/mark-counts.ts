import type { EdgeMarkCounts } from '#routes/messages.ts'

/** What edges signed, since the last report: whether a new structure or a new script reads requests as gateways do. */
export class MarkCounts {
  requests = 0
  skewed = 0
  mismatched = 0

  take(): EdgeMarkCounts {
    const { requests, skewed, mismatched } = this
    this.requests = this.skewed = this.mismatched = 0
    return { requests, skewed, mismatched }
  }

  /** What was taken and told nobody counts again. */
  putBack({ requests, skewed, mismatched }: EdgeMarkCounts): void {
    this.requests += requests
    this.skewed += skewed
    this.mismatched += mismatched
  }
}
