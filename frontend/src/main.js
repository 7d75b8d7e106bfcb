import { createApp } from "vue";
import App from "./App.vue";
import { router } from "./router.js";
import "./styles/base.css";
import "./styles/components.css";
import "./styles/tables.css";
import "./styles/dashboard.css";
import "./styles/order-form.css";

createApp(App).use(router).mount("#app");
