import type { Random } from './random.ts'

/** A text with one slip of the hand that wrote it: a letter, a word, a line, an indentation, a piece lost or doubled. */
export function mutated(text: string, random: Random): string {
  const lines = text.split('\n')
  const at = random.below(lines.length)
  const line = lines[at] as string
  const place = random.below(text.length)
  const withLine = (...changed: string[]) => lines.toSpliced(at, 1, ...changed).join('\n')
  switch (random.below(11)) {
    case 0:
      return text.slice(0, place) + text.slice(place + 1)
    case 1:
      return text.slice(0, place) + random.pick(strays) + text.slice(place)
    case 2:
      return withLine()
    case 3:
      return withLine(line, line)
    case 4:
      return withLine(random.pick([' ', '  ', '\t', '- ']) + line)
    case 5:
      return withLine(line.replace(/^ {2}/, ''))
    case 6:
      return withLine(line.replace(/(\w)(\w)(?=\w*:)/, '$2$1'))
    case 7:
      return withLine(line.replace(/(:\s+)[^,{}[\]]+/, `$1${random.pick(values)}`))
    case 8:
      return withLine(line.replace(/\d+/, random.pick(['0', '-1', '99999999999', '1.5', 'x'])))
    case 9:
      return text.slice(0, place)
    default: {
      const words = line.match(/[A-Za-z][\w-]*/g) ?? ['x']
      return withLine(line.replace(random.pick(words), random.pick(words.concat('wrong', 'null', 'true'))))
    }
  }
}

const strays = [
  '{',
  '}',
  '[',
  ']',
  ':',
  ': ',
  ',',
  '"',
  "'",
  '#',
  '&a ',
  '*a',
  '!!x ',
  '\t',
  '\0',
  '\uFFFD',
  '%',
  '|',
  '\n---\n',
  '\r',
]
const values = [
  '',
  '~',
  'null',
  'true',
  '5',
  '-1',
  '[]',
  '{}',
  '[a, b]',
  '{ a: b }',
  '"a\\r\\nb"',
  '.inf',
  '30',
  '1e9s',
  '{x}',
  'é',
]
