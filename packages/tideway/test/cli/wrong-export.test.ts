import { NestFactory } from '@nestjs/core'
import { Module } from '@nestjs/common'
import express from 'express'
import fastify from 'fastify'
import { Hono } from 'hono'
import Koa from 'koa'
import { createServer } from 'node:http'
import { describe, expect, it } from 'vitest'
import { defineApplication } from '../../src/application/define-application.ts'
import { describeWrongExport } from '../../src/cli/wrong-export.ts'
import { WebSocketConsumer } from '../../src/consumer/websocket-consumer.ts'
import { path } from '../../src/routing/route.ts'
import { urlRouter } from '../../src/routing/url-router.ts'
import { nodeListener } from '../../src/server/http/node-listener.ts'

class Chat extends WebSocketConsumer {}

class NestModule {
  readonly name = 'empty'
}
Module({})(NestModule)

describe('the default export of an application file', () => {
  it.each<[name: string, exported: () => unknown, line: string]>([
    ['an Express application', () => express(), 'http: nodeListener(app)'],
    ['a Koa application', () => new Koa(), 'http: nodeListener(app.callback())'],
    ['a Fastify application', () => fastify(), 'http: nodeListener(app.routing)'],
    ['a Hono application', () => new Hono(), 'http: fetchHandler(app.fetch)'],
    [
      'a NestJS application',
      () => NestFactory.create(NestModule, { logger: false }),
      'app.getHttpAdapter().getInstance()',
    ],
    ['an object with a fetch function', () => ({ fetch: () => new Response() }), 'http: fetchHandler('],
    ['a listener of HTTP requests', () => (req: unknown, res: unknown) => [req, res], 'http: nodeListener(listener)'],
    [
      'a handler of HTTP requests',
      () => async (request: Request) => new Response(request.url),
      'fetchHandler(handler)',
    ],
    ['a server', () => createServer(), 'attach(server, application)'],
    ['a consumer class', () => Chat, 'ChatConsumer.asApplication()'],
  ])('is recognised as %s, with the line to write', async (name, exported, line) => {
    // An application of Fastify has a method `then`, so `await` would call it.
    const value = name.includes('NestJS') ? await exported() : exported()
    expect(describeWrongExport(value)).toContain(`is ${name}.`)
    expect(describeWrongExport(value)).toContain(line)
  })

  it('is recognized as a promise', () => {
    expect(describeWrongExport(Promise.resolve())).toContain('export default await')
  })

  it.each<[name: string, exported: unknown]>([
    ['a defined application', defineApplication({ http: nodeListener(express()) })],
    ['a router', urlRouter([path('ws/', Chat.asApplication())])],
    [
      'a function of scope, receive and send',
      async (scope: unknown, receive: unknown, send: unknown) => [scope, receive, send],
    ],
    ['a function without parameters', async () => {}],
    ['nothing', undefined],
    ['plain data', { websocket: undefined }],
  ])('is left alone if it is %s', (_name, exported) => {
    expect(describeWrongExport(exported)).toBeUndefined()
  })
})
