// SPDX-License-Identifier: MIT
#pragma once

#include <fmt/core.h>

#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>

/// One line per event, `timestamp level event=name key=value...`, UTC.
///
/// A UID of a clinical object is an identifier too: whatever a caller passes, the writer puts a
/// short tag (`#` and 12 hex digits, see uid_tag()) in its place. `fiona-status why` takes a UID
/// or a tag, so an operator can go both ways and a log can leave the building.
namespace fiona::log {

enum class Level { debug, info, warn, error };

struct Field {
    template <typename T>
    Field(std::string_view field_name, const T& field_value)
        : name{field_name}, value{fmt::format("{}", field_value)}
    {
    }

    std::string_view name;
    std::string value;
};

using Fields = std::initializer_list<Field>;

void debug(std::string_view event, Fields fields = {});
void info(std::string_view event, Fields fields = {});
void warn(std::string_view event, Fields fields = {});
void error(std::string_view event, Fields fields = {});

/// Where the lines go. Nowhere until a tool says so; a test collects them in a vector.
using Sink = std::function<void(Level, const std::string& line)>;
void set_sink(Sink sink);

/// Lines below this level are not made at all. Default: info.
void set_threshold(Level level);

/// `#` and the first 12 hex digits of SHA-256(uid): equal UIDs have equal tags on every machine.
[[nodiscard]] std::string uid_tag(std::string_view uid);

/// `text` with every UID of a clinical object replaced by its tag. UIDs of the standard
/// (1.2.840.10008.) and those of the compat schemes (1.3.6.1.4.1.45037.) stay; `2.25.` may be either.
[[nodiscard]] std::string without_uids(std::string_view text);

} // namespace fiona::log
