import { invalidateType } from '../../../gateway/invalidation/event.ts'

/** One stored value, which one event makes gone: by its key, or by a tag of its own. */
export interface Item {
  readonly namespace: string
  readonly key: string
  readonly tag?: string
}

/** So many; each seventh goes by its tag. */
export function itemsOf(namespace: string, count: number): readonly Item[] {
  return Array.from({ length: count }, (_, at) => ({
    namespace,
    key: `item:${at}`,
    ...(at % 7 === 0 ? { tag: `t:tag:${at}` } : {}),
  }))
}

export function eventOf({ namespace, key, tag }: Item): string {
  // The store's name of a tag that a route declares begins with `t:`; programs say the rest.
  const what = tag === undefined ? { keys: [key] } : { tags: [tag.slice('t:'.length)] }
  const data = { ns: namespace, ...what, reason: 'a proof' }
  return JSON.stringify({ specversion: '1.0', id: key, source: '/proof', type: invalidateType, data })
}

/** What no process can ever apply, of several kinds. */
export const poisons: readonly string[] = [
  '{',
  '{"specversion":"1.0"}',
  '[1]',
  eventOf({ namespace: 'nobody', key: 'x' }),
  eventOf({ namespace: 'UPPER', key: 'x' }),
]
