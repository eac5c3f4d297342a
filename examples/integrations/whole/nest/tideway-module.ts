import { Inject, Injectable, Module } from '@nestjs/common'
import type { BeforeApplicationShutdown, DynamicModule, OnApplicationBootstrap } from '@nestjs/common'
import { PARAMTYPES_METADATA, SELF_DECLARED_DEPS_METADATA } from '@nestjs/common/constants.js'
import { HttpAdapterHost, ModuleRef } from '@nestjs/core'
import type { Server } from 'node:http'
import { attach, defineApplication, type Application, type Attachment, type ChannelLayer } from 'tideway'
import type { Scope, WebSocketScope } from 'tideway/asgi'

/** The injection token of the channel layer. */
export const CHANNEL_LAYER = Symbol('channel layer')

const OPTIONS = Symbol('options of TidewayModule')

/** A class of consumers. Nest injects the parameters of its constructor. */
type ConsumerClass<S extends Scope> = new (...services: never[]) => { readonly scope: S }

/** Returns the application of a consumer, whose constructor gets its services from Nest. */
export type InjectedApplication = <S extends Scope>(consumer: ConsumerClass<S>) => Application<S>

export interface TidewayModuleOptions {
  /** Creates the channel layer. */
  readonly channelLayer: () => ChannelLayer
  /** Returns the application of all WebSockets: the routes and what is around them. */
  readonly websocket: (injected: InjectedApplication) => Application<WebSocketScope>
}

/** Attaches tideway to Nest's server, and closes the WebSockets before Nest waits for connections. */
@Injectable()
class WebSockets implements OnApplicationBootstrap, BeforeApplicationShutdown {
  @Inject(OPTIONS) private readonly options!: TidewayModuleOptions
  @Inject(CHANNEL_LAYER) private readonly layer!: ChannelLayer
  @Inject(HttpAdapterHost) private readonly host!: HttpAdapterHost
  @Inject(ModuleRef) private readonly modules!: ModuleRef
  #attachment: Attachment | undefined

  onApplicationBootstrap(): void {
    const injected: InjectedApplication = (consumer) => applicationOf(consumer, this.modules)
    const websocket = this.options.websocket(injected)
    const server = this.host.httpAdapter.getHttpServer() as Server
    this.#attachment = attach(server, defineApplication({ channelLayers: { default: this.layer }, websocket }))
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.#attachment?.close()
    await this.layer.close()
  }
}

function applicationOf<S extends Scope>(consumer: ConsumerClass<S>, modules: ModuleRef): Application<S> {
  const services = tokensOf(consumer).map((token) => modules.get<unknown>(token, { strict: false }))
  type WithApplication = { asApplication(...services: readonly unknown[]): Application<S> }
  return (consumer as unknown as WithApplication).asApplication(...services)
}

/** The injection tokens of the constructor: of `@Inject()`, otherwise the types that the compiler emits. */
function tokensOf(consumer: ConsumerClass<Scope>): (string | symbol)[] {
  const tokens = [...((Reflect.getMetadata(PARAMTYPES_METADATA, consumer) as (string | symbol)[] | undefined) ?? [])]
  const declared = (Reflect.getMetadata(SELF_DECLARED_DEPS_METADATA, consumer) ?? []) as readonly {
    readonly index: number
    readonly param: string | symbol
  }[]
  for (const { index, param } of declared) tokens[index] = param
  return tokens
}

/** tideway in a Nest application: WebSockets, and the channel layer as a provider. */
@Module({})
export class TidewayModule {
  static forRoot(options: TidewayModuleOptions): DynamicModule {
    return {
      module: TidewayModule,
      global: true,
      providers: [
        WebSockets,
        { provide: OPTIONS, useValue: options },
        { provide: CHANNEL_LAYER, useFactory: options.channelLayer },
      ],
      exports: [CHANNEL_LAYER],
    }
  }
}
