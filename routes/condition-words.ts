import type { Condition } from './condition.ts'

/** A condition as a clause: `header:x-channel is "beta"`. */
export function inWords({ from, test, value }: Condition): string {
  switch (test) {
    case 'exists':
      return `${from} is ${value ? 'there' : 'absent'}`
    case 'equals':
      return `${from} is "${value}"`
    case 'prefix':
      return `${from} begins with "${value}"`
    case 'oneOf':
      return `${from} is one of ${value.join(', ')}`
    case 'version':
      return `${from} is in ${value}`
  }
}
