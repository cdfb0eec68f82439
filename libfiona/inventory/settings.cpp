// SPDX-License-Identifier: MIT
#include "libfiona/inventory/settings.h"

#include "libfiona/base/error.h"

namespace fiona::inventory {

namespace {

double number(const json::Value& block, std::string_view key, double fallback)
{
    const auto* const value = block.find(key);
    if (value == nullptr || value->is_null()) {
        return fallback;
    }
    if (!value->is_number() || value->number() < 0) {
        throw Error{Fault::config, "config: INVENTORY.{} must be a number, 0 or more", key};
    }
    return value->number();
}

} // namespace

Settings read_settings(const Config& config)
{
    Settings settings;
    const auto* const block = config.document.find("INVENTORY");
    if (block == nullptr || block->is_null()) {
        return settings;
    }
    if (!block->is_object()) {
        throw Error{Fault::config, "config: INVENTORY must be an object"};
    }
    const auto count = [&](std::string_view key, std::size_t fallback) {
        return static_cast<std::size_t>(number(*block, key, static_cast<double>(fallback)));
    };
    settings.max_answers = count("max_answers", settings.max_answers);
    settings.confirm_after = std::chrono::hours{
        count("confirm_hours", static_cast<std::size_t>(settings.confirm_after.count()))};
    settings.max_delete = count("max_delete", settings.max_delete);
    settings.max_delete_percent = number(*block, "max_delete_percent", settings.max_delete_percent);
    return settings;
}

} // namespace fiona::inventory
