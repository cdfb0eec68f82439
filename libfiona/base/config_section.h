// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/error.h"
#include "libfiona/base/json.h"
#include "libfiona/base/number.h"

#include <fmt/ranges.h>

#include <chrono>
#include <cmath>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace fiona {

/// A view of one object of config.json that names the key in every complaint: all Errors are Fault::config.
/// What is absent leaves the default in place.
class ConfigSection {
public:
    ConfigSection(const json::Value* value, std::string name)
        : m_value{value}, m_name{std::move(name)}
    {
        if (m_value != nullptr && !m_value->is_object() && !m_value->is_null()) {
            throw Error{Fault::config, "config: {} must be an object",
                        m_name.empty() ? "the whole file" : m_name};
        }
    }

    [[nodiscard]] ConfigSection section(std::string_view key) const
    {
        return {m_value == nullptr ? nullptr : m_value->find(key), path_of(key)};
    }

    [[nodiscard]] std::optional<std::string> text(std::string_view key) const
    {
        const auto* const found = m_value == nullptr ? nullptr : m_value->find(key);
        if (found == nullptr || found->is_null()) {
            return std::nullopt;
        }
        if (found->is_array() || found->is_object()) {
            throw Error{Fault::config, "config: {} must be a text", path_of(key)};
        }
        return found->text();
    }

    [[nodiscard]] std::vector<std::string> texts(std::string_view key) const
    {
        const auto* const found = m_value == nullptr ? nullptr : m_value->find(key);
        std::vector<std::string> result;
        if (found == nullptr) {
            return result;
        }
        try {
            for (const auto& item : found->array()) {
                result.push_back(item.string());
            }
        } catch (const Error&) {
            throw Error{Fault::config, "config: {} must be a list of texts", path_of(key)};
        }
        return result;
    }

    /// Relative paths would mean another place for each crontab entry.
    [[nodiscard]] std::optional<std::string> absolute_path(std::string_view key) const
    {
        auto path = text(key);
        if (path && !path->starts_with('/')) {
            throw Error{Fault::config, "config: {} must be an absolute path", path_of(key)};
        }
        return path;
    }

    void boolean(std::string_view key, bool& target) const
    {
        const auto value = text(key);
        if (value && *value != "true" && *value != "false") {
            throw Error{Fault::config, "config: {} must be true or false", path_of(key)};
        }
        target = value ? *value == "true" : target;
    }

    /// The original writes numbers as text, we write numbers; both are read.
    template <typename T>
    void number(std::string_view key, T& target) const
    {
        const auto value = text(key);
        if (!value) {
            return;
        }
        const auto parsed = read_number<T>(*value);
        bool legal = parsed.has_value();
        if constexpr (std::is_floating_point_v<T>) {
            legal = legal && std::isfinite(*parsed);
        }
        if (!legal) {
            throw Error{Fault::config, "config: {} must be a number", path_of(key)};
        }
        target = *parsed;
    }

    void seconds(std::string_view key, std::chrono::seconds& target) const
    {
        auto value = static_cast<unsigned>(target.count());
        number(key, value);
        target = std::chrono::seconds{value};
    }

    /// The names in this object, sorted.
    [[nodiscard]] std::vector<std::string> keys() const
    {
        std::vector<std::string> names;
        if (m_value != nullptr) {
            for (const auto& [key, value] : m_value->object()) {
                names.push_back(key);
            }
        }
        return names;
    }

    [[nodiscard]] bool is_given() const { return m_value != nullptr && !m_value->is_null(); }

    /// The text must be one of the names.
    template <typename T>
    void choice(std::string_view key, std::initializer_list<std::pair<std::string_view, T>> choices,
                T& target) const
    {
        const auto value = text(key);
        if (!value) {
            return;
        }
        std::vector<std::string_view> names;
        for (const auto& [name, chosen] : choices) {
            if (name == *value) {
                target = chosen;
                return;
            }
            names.push_back(name);
        }
        throw Error{Fault::config, "config: {} must be one of: {}", path_of(key),
                    fmt::join(names, ", ")};
    }

    [[nodiscard]] Error error(std::string_view key, std::string_view what) const
    {
        return Error{Fault::config, "config: {} {}", path_of(key), what};
    }

    void copy(std::string_view key, std::string& target) const
    {
        target = text(key).value_or(target);
    }

private:
    [[nodiscard]] std::string path_of(std::string_view key) const
    {
        return m_name.empty() ? std::string{key} : fmt::format("{}.{}", m_name, key);
    }

    const json::Value* m_value;
    std::string m_name;
};

} // namespace fiona
