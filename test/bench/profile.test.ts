import { describe, expect, it } from 'vitest'

import { formatProfiles } from '../../bench/src/profile.ts'
import { countBy, functionName, parseSamples, partOf } from '../../bench/src/samples.ts'

const printed = `
    7f21 tcp_sendmsg_locked ([kernel.kallsyms])
    7f22 node::StreamBase::WriteBuffer(v8::FunctionCallbackInfo<v8::Value> const&) (/usr/bin/node)
    7f23 malloc (/usr/lib/x86_64-linux-gnu/libc.so.6)
    7f24 Builtins_RecordWrite (/usr/bin/node)
    7f25 v8::internal::(anonymous namespace)::Invoke (/usr/bin/node)
    7f26 v8::internal::JsonParser<unsigned char>::ScanJsonString (/usr/bin/node)
    7f27 v8::internal::Scavenger::ScavengePage (/usr/bin/node)
    7f28 v8::internal::compiler::LoadElimination::Reduce (/usr/bin/node)
    7f29 JS:*writeOrBuffer node:internal/streams/writable:548:23 (/tmp/perf-12.map)
    7f2a JS:*#flushAll file:///a/packages/tideway/dist/server/websocket/outbox.js:116:14 (/tmp/perf-12.map)
    7f2b JS:* file:///a/bench/dist/servers/tideway.js:63:20 (/tmp/perf-12.map)
    7f2c RegExp:\\d+ (/tmp/perf-12.map)
    7f2d [unknown] (/a/uws_linux_x64_115.node)
`
const samples = parseSamples(printed)

describe('the samples of a profile', () => {
  it('belong to the parts of a server', () => {
    expect(samples.map((sample) => partOf(sample))).toEqual([
      'kernel',
      'Node, native',
      'Node, native',
      'V8, built-in functions and runtime',
      'V8, built-in functions and runtime',
      'JSON, native',
      'garbage collector',
      'compilers of V8',
      'Node, JavaScript',
      'tideway',
      'application',
      'V8, built-in functions and runtime',
      'uws_linux_x64_115.node',
    ])
  })

  it('have names without the paths of the machine', () => {
    expect([1, 4, 8, 9, 10, 12].map((index) => functionName(samples[index]!))).toEqual([
      'node::StreamBase::WriteBuffer',
      'v8::internal::Invoke',
      'writeOrBuffer node:internal/streams/writable:548',
      '#flushAll tideway/dist/server/websocket/outbox.js:116',
      '(anonymous) tideway.js:63',
      '[unknown]',
    ])
  })

  it('are counted by a key, the most frequent first', () => {
    expect(countBy(samples, partOf)[0]).toEqual(['V8, built-in functions and runtime', 3])
    expect(countBy([], partOf)).toEqual([])
  })

  it('become a table of the parts of all servers and one of the functions of each', () => {
    const few = samples.slice(0, 2)
    const text = formatProfiles('echo', [
      { name: 'tideway', samples: few, cost: 4 },
      { name: 'uWebSockets.js', samples: [few[0]!], cost: 1 },
    ])
    expect(text.split('\n')).toEqual([
      '| echo: µs of CPU | tideway | uWebSockets.js |',
      '| - | -: | -: |',
      '| kernel | 2.00 (50 %) | 1.00 (100 %) |',
      '| Node, native | 2.00 (50 %) | – |',
      '| all | 4.00 | 1.00 |',
      '',
      '| tideway | function | µs |',
      '| - | - | -: |',
      '| kernel | tcp_sendmsg_locked | 2.00 (50 %) |',
      '| Node, native | node::StreamBase::WriteBuffer | 2.00 (50 %) |',
      '',
      '| uWebSockets.js | function | µs |',
      '| - | - | -: |',
      '| kernel | tcp_sendmsg_locked | 1.00 (100 %) |',
    ])
  })
})
