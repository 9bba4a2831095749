import fc from 'fast-check'

/** One command as it goes over the wire; `@key@` stands for the unique that the server gave the key last. */
export type WireCommand = string

const keys = ['a', 'b', 'c', 'd', 'k%', 'k\x01\x7f', '\xe9\xff', 'ключ', 'x'.repeat(250)].map((key) =>
  Buffer.from(key, key === 'ключ' ? 'utf8' : 'latin1').toString('latin1'),
)
const key = fc.constantFrom(...keys)
const anyKey = fc.oneof(
  { weight: 20, arbitrary: key },
  { weight: 1, arbitrary: fc.constantFrom('y'.repeat(251), 'z'.repeat(300)) },
)
const ttl = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom('0', '100', '1000', '2592000', '2000000000') },
  { weight: 2, arbitrary: fc.constantFrom('-1', '2592001') },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      'x',
      '',
      '+100',
      '4294967296',
      '2147483648',
      '9223372036854775808',
      '-0',
      '1e3',
      '50\tx',
    ),
  },
)
const goodTtl = fc.constantFrom('0', '100', '1000', '2592000', '2000000000', '-1', '2592001')
const flags = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom('0', '1', '65535', '4294967295') },
  { weight: 1, arbitrary: fc.constantFrom('4294967296', '-1', '-0', 'f', '18446744073709551616', '+7') },
)
const number = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom('0', '1', '7', '10', '99', '18446744073709551615', '9223372036854775808') },
  { weight: 1, arbitrary: fc.constantFrom('-1', 'x', '18446744073709551616', '+3', '3\tx', '-18446744073709551615') },
)
/** Counting on nothing but white space, Memcached 1.6.18 reads on into whatever stands behind the item. */
const isNoGap = (text: string): boolean => text === '' || /[^\t-\r ]/.test(text)
const value = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.constantFrom('0', '1', '99', '100', '18446744073709551615', ' 7', '+8', '-9', '5 x', '12x'),
  },
  {
    weight: 3,
    arbitrary: fc
      .string({ maxLength: 40, unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)) })
      .filter(isNoGap),
  },
  { weight: 1, arbitrary: fc.constantFrom('', 'get a\r\n', 'set b 0 0', 'x'.repeat(1_500)) },
)
const noreply = fc.oneof(
  { weight: 5, arbitrary: fc.constant('') },
  { weight: 2, arbitrary: fc.constantFrom(' noreply', ' nope') },
)
/** Almost always the true length. */
const slip = fc.oneof({ weight: 25, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.constantFrom(-1, 1, 2) })
const spaces = fc.constantFrom(' ', ' ', ' ', ' ', '  ')
const unique = (name: string) =>
  fc.oneof(
    { weight: 4, arbitrary: fc.constant(`@${name}@`) },
    {
      weight: 1,
      arbitrary: fc.constantFrom('18446744073709550000', '0', '18446744073709551615', 'x', '18446744073709551616'),
    },
  )

/** Makes up for what a value was announced too long, so that the next command is one again. */
const missing = '\r\nzz'

const retrieval = fc
  .record({ name: fc.constantFrom('get', 'gets'), keys: fc.array(anyKey, { minLength: 0, maxLength: 30 }), spaces })
  .map(({ name, keys: names, spaces: gap }) => [name, ...names].join(gap))

const getAndTouch = fc
  .record({ name: fc.constantFrom('gat', 'gats'), ttl, keys: fc.array(key, { maxLength: 4 }) })
  .map(({ name, ttl: life, keys: names }) => [name, life, ...names].join(' '))

const storage = fc
  .record({
    name: fc.constantFrom('set', 'set', 'add', 'replace', 'append', 'prepend'),
    key: anyKey,
    flags,
    ttl,
    value,
    noreply,
    slip,
  })
  .map(({ name, key: wire, flags: word, ttl: life, value: text, noreply: quiet, slip: by }) => {
    const bytes = Math.max(0, text.length + by)
    return `${name} ${wire} ${word} ${life} ${bytes}${quiet}\r\n${text}${by > 0 ? missing : ''}`
  })

const compareAndSet = key.chain((wire) =>
  fc
    .record({ unique: unique(wire), flags, ttl, value, noreply })
    .map(
      ({ unique: number_, flags: word, ttl: life, value: text, noreply: quiet }) =>
        `cas ${wire} ${word} ${life} ${text.length} ${number_}${quiet}\r\n${text}`,
    ),
)

const counting = fc
  .record({ name: fc.constantFrom('incr', 'decr'), key: anyKey, number, noreply })
  .map(({ name, key: wire, number: by, noreply: quiet }) => `${name} ${wire} ${by}${quiet}`)

const removal = fc
  .record({ key: anyKey, hold: fc.constantFrom('', '', '', ' 0', ' 5', ' 00'), noreply })
  .map(({ key: wire, hold, noreply: quiet }) => `delete ${wire}${hold}${quiet}`)

const touching = fc
  .record({ key: anyKey, ttl, noreply })
  .map(({ key: wire, ttl: life, noreply: quiet }) => `touch ${wire} ${life}${quiet}`)

const opaque = fc.constantFrom('O1', 'Oabc', 'O', `O${'9'.repeat(31)}`)
const shown = fc.constantFrom('k', 's', 't', 'f', 'c', 'v', 'q', 'u', 'P7', 'L')
const strange = fc.constantFrom('E5', 'z', '\x7f', 'Tx', 'M', 'Cx', 'Fx', 'b', 'S1')
const metaFlags = (own: fc.Arbitrary<string>) =>
  fc
    .array(
      fc.oneof(
        { weight: 12, arbitrary: shown },
        { weight: 3, arbitrary: opaque },
        { weight: 8, arbitrary: own },
        { weight: 1, arbitrary: strange },
      ),
      { maxLength: 7 },
    )
    .map((all) => all.map((flag) => ` ${flag}`).join(''))

const metaGet = fc
  .record({
    key: anyKey,
    flags: metaFlags(goodTtl.filter((life) => life !== '-1' && life !== '2592001').map((life) => `T${life}`)),
  })
  .map(({ key: wire, flags: words }) => `mg ${wire}${words}`)

const metaSet = key.chain((wire) =>
  fc
    .record({
      flags: metaFlags(
        fc.oneof(
          goodTtl.map((life) => `T${life}`),
          flags.map((word) => `F${word}`),
          unique(wire).map((number_) => `C${number_}`),
          fc.constantFrom('MS', 'ME', 'MA', 'MP', 'MR', 'Ms', 'Mset', 'MX', 'Me'),
        ),
      ),
      value,
      slip,
    })
    .map(
      ({ flags: words, value: text, slip: by }) =>
        `ms ${wire} ${Math.max(0, text.length + by)}${words}\r\n${text}${by > 0 ? missing : ''}`,
    ),
)

const metaDelete = key.chain((wire) =>
  metaFlags(unique(wire).map((number_) => `C${number_}`)).map((words) => `md ${wire}${words}`),
)

const metaCount = key.chain((wire) =>
  metaFlags(
    fc.oneof(
      number.map((by) => `D${by}`),
      fc.constantFrom('MI', 'MD', 'M+', 'M-', 'Mi', 'Md', 'MX', 'MII'),
      goodTtl.filter((life) => life !== '-1' && life !== '2592001').map((life) => `T${life}`),
      unique(wire).map((number_) => `C${number_}`),
    ),
  ).map((words) => `ma ${wire}${words}`),
)

/** Memcached 1.6.18 writes no line end behind what it begins so, and counts on into old memory: another value takes its place. */
const metaBegin = fc
  .record({
    key,
    life: fc.constantFrom('0', '100', '1000'),
    initial: number,
    flags: fc.constantFrom('', ' v', ' v t', ' t v', ' k O1'),
  })
  .map(
    ({ key: wire, life, initial, flags: words }) =>
      `ma ${wire} N${life} J${initial}${words}\r\nset ${wire} 0 0 2\r\n10`,
  )

const others = fc.constantFrom(
  'version',
  'verbosity 1',
  'verbosity x',
  'verbosity',
  'mn',
  'mn x',
  '',
  'nonsense',
  'a',
  'get',
  'gat 10',
  'set a 0 0 -1',
  'set a 0 0 1 2 3',
  'set a',
  'cas a 0 0 1',
  'incr a',
  'touch a',
  'delete',
  'GET a',
  'ms',
  'mg',
  'md',
  'ma',
  'ms a',
  'ms a x',
  'ms a -1',
  'mq a',
  'get a\0b c',
  ' get a',
  'me',
  'me nobody',
)

/** Any command, good or bad, that a client may send; each ends with its CR LF. */
export const wireCommand: fc.Arbitrary<WireCommand> = fc
  .oneof(
    { weight: 5, arbitrary: retrieval },
    { weight: 2, arbitrary: getAndTouch },
    { weight: 8, arbitrary: storage },
    { weight: 4, arbitrary: compareAndSet },
    { weight: 4, arbitrary: counting },
    { weight: 2, arbitrary: removal },
    { weight: 2, arbitrary: touching },
    { weight: 5, arbitrary: metaGet },
    { weight: 6, arbitrary: metaSet },
    { weight: 2, arbitrary: metaDelete },
    { weight: 4, arbitrary: metaCount },
    { weight: 2, arbitrary: metaBegin },
    { weight: 3, arbitrary: others },
  )
  .map((line) => `${line}\r\n`)

export const testKeys: readonly string[] = keys
