const seconds = 10
const share = 0.1
const least = 3 * seconds

/** Failovers of this isolate: of the requests of the last 10 s at most a tenth, or 30 where that is more. */
export class FailoverBudget {
  readonly #slots = Array.from({ length: seconds }, () => ({ second: 0, requests: 0, spent: 0 }))

  request(now: number): void {
    this.#slot(now).requests++
  }

  /** False: whatever failed stays failed, since a site in need must not get the load of two. */
  spend(now: number): boolean {
    const slot = this.#slot(now)
    let requests = 0
    let spent = 0
    for (const one of this.#slots) {
      if (one.second <= slot.second - seconds) continue
      requests += one.requests
      spent += one.spent
    }
    if (spent >= Math.max(least, Math.floor(requests * share))) return false
    slot.spent++
    return true
  }

  #slot(now: number) {
    const second = Math.floor(now / 1_000)
    const slot = this.#slots[second % seconds] as { second: number; requests: number; spent: number }
    if (slot.second !== second) Object.assign(slot, { second, requests: 0, spent: 0 })
    return slot
  }
}
