import type { ItemTags } from './cache-store.ts'
import type { NodeRecords } from './node-records.ts'
import { areTags, type TagKind, tagRecordKey } from './tag-key.ts'

/** Where the record of a tag or scope lies. */
export interface RecordPlace {
  readonly records: NodeRecords
  readonly kind: TagKind
  readonly name: string
  readonly key: string
}

interface Placed {
  readonly namespace: string
  readonly places: readonly RecordPlace[] | undefined
}

/** The same tags are read, prepared and put for one request: where their records lie is found out once, as long as they live. */
export class RecordPlaces {
  readonly #recordsOf: (key: string) => NodeRecords
  readonly #placed = new WeakMap<ItemTags, Placed>()

  /** `recordsOf`: those of the node that keeps a key. */
  constructor(recordsOf: (key: string) => NodeRecords) {
    this.#recordsOf = recordsOf
  }

  /** Undefined: they could not all be kept. */
  of(namespace: string, tags: ItemTags): readonly RecordPlace[] | undefined {
    const before = this.#placed.get(tags)
    if (before?.namespace === namespace) return before.places
    const { exact, scopes } = tags
    const places = areTags(tags)
      ? [
          ...exact.map((tag) => this.#place(namespace, 'tag', tag)),
          ...scopes.map((scope) => this.#place(namespace, 'scope', scope)),
        ]
      : undefined
    this.#placed.set(tags, { namespace, places })
    return places
  }

  #place(namespace: string, kind: TagKind, name: string): RecordPlace {
    const key = tagRecordKey(namespace, kind, name)
    return { records: this.#recordsOf(key), kind, name, key }
  }
}
