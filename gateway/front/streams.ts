/** One event stream on its way to a client. */
export interface EventStream {
  /** Ends behind the event that is under way: the client comes again, by the id of the last one, and finds another process. */
  leave(): void
}

/** The event streams of one listener. */
export class Streams {
  readonly #open = new Set<EventStream>()
  #leaving = false

  get size(): number {
    return this.#open.size
  }

  begin(stream: EventStream): void {
    this.#open.add(stream)
    if (this.#leaving) stream.leave()
  }

  end(stream: EventStream): void {
    this.#open.delete(stream)
  }

  /** From now on each ends as soon as it is between two events. */
  leave(): void {
    this.#leaving = true
    for (const stream of this.#open) stream.leave()
  }
}
