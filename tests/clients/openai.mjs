// The official client for JavaScript and its helpers, the strictest reader of streams there is.
// Prints one JSON object with what each helper made of the gateway's answers.
import OpenAI from "openai";
import { zodResponseFormat, zodTextFormat } from "openai/helpers/zod";
import { z } from "zod";

const client = new OpenAI({
  baseURL: process.env.BASE_URL,
  apiKey: process.env.API_KEY,
  maxRetries: 0,
});
const question = [{ role: "user", content: "Weather in Rome?" }];
const Moon = z.object({ name: z.string(), radius: z.number() });
const out = {};

const runner = client.chat.completions.runTools({
  model: "auto",
  stream: true,
  messages: question,
  tools: [
    {
      type: "function",
      function: {
        name: "get_weather",
        parse: JSON.parse,
        function: ({ city }) => `sunny in ${city}`,
        parameters: {
          type: "object",
          properties: { city: { type: "string" } },
          required: ["city"],
        },
      },
    },
  ],
});
out.runTools = await runner.finalContent();

const chat = client.chat.completions.stream({
  model: "auto",
  messages: [{ role: "user", content: "Hello" }],
});
let pieces = 0;
chat.on("content", () => pieces++);
out.chatStream = (await chat.finalChatCompletion()).choices[0].message.content;
out.chatPieces = pieces;

const parsed = await client.chat.completions.parse({
  model: "auto",
  messages: [{ role: "user", content: "A moon as JSON" }],
  response_format: zodResponseFormat(Moon, "moon"),
});
out.chatParsed = parsed.choices[0].message.parsed;

const responses = client.responses.stream({ model: "auto", input: "Hello" });
for await (const event of responses) out.lastEvent = event.type;
out.responsesStream = (await responses.finalResponse()).output_text;

const called = client.responses.stream({
  model: "auto",
  input: question,
  tools: [
    {
      type: "function",
      name: "get_weather",
      strict: false,
      parameters: {
        type: "object",
        properties: { city: { type: "string" } },
        required: ["city"],
      },
    },
  ],
});
const final = await called.finalResponse();
out.responsesCall = final.output.find((item) => item.type === "function_call")?.arguments;

const shaped = await client.responses.parse({
  model: "auto",
  input: "A moon as JSON",
  text: { format: zodTextFormat(Moon, "moon") },
});
out.responsesParsed = shaped.output_parsed;

console.log(JSON.stringify(out));
