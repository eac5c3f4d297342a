export { defineApplication, type ApplicationDefinition, type DefinedApplication } from './define-application.ts'
export { lifespanHooks, type LifespanHooks } from './lifespan-hooks.ts'
