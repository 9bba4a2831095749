import { stat } from 'node:fs/promises'

/**
 * Tells when one of several files changed. They are looked at by time, size and inode, since mounted files are often swapped
 * by a link, and a change is told only once all stand still: half a file may be valid, and a key comes with its certificate.
 */
export class FileWatch {
  readonly #files: () => readonly string[]
  readonly #onChange: () => Promise<unknown>
  readonly #lookEveryMs: number
  readonly #told = new Map<string, string>()
  #seen = ''
  #timer: NodeJS.Timeout | undefined
  #stopped = false

  /** `files` is asked at each look; one that it names for the first time has not changed. `onChange` must not reject. */
  constructor(files: () => readonly string[], onChange: () => Promise<unknown>, lookEveryMs = 500) {
    this.#files = files
    this.#onChange = onChange
    this.#lookEveryMs = lookEveryMs
  }

  async start(): Promise<void> {
    await this.#changes()
    this.#lookLater()
  }

  /** No change is told any more. */
  stop(): void {
    this.#stopped = true
    clearTimeout(this.#timer)
  }

  #lookLater(): void {
    if (!this.#stopped)
      this.#timer = setTimeout(() => void this.#compare().then(() => this.#lookLater()), this.#lookEveryMs)
  }

  async #compare(): Promise<void> {
    const changes = await this.#changes()
    const seen = JSON.stringify([...changes])
    const still = seen === this.#seen
    this.#seen = seen
    if (!still || changes.size === 0 || this.#stopped) return
    for (const [file, version] of changes) this.#told.set(file, version)
    await this.#onChange()
  }

  async #changes(): Promise<ReadonlyMap<string, string>> {
    const changes = new Map<string, string>()
    for (const file of this.#files()) {
      const version = await versionOf(file)
      const told = this.#told.get(file)
      if (told === undefined) this.#told.set(file, version)
      else if (told !== version) changes.set(file, version)
    }
    return changes
  }
}

/** What tells two versions of a file apart; one that is away is a version too. */
async function versionOf(file: string): Promise<string> {
  try {
    const { mtimeMs, size, ino } = await stat(file)
    return `${mtimeMs} ${size} ${ino}`
  } catch (cause) {
    return `away: ${(cause as NodeJS.ErrnoException).code}`
  }
}
