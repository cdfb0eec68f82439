// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>

/// REDCap speaks the server's local time.
namespace fiona::redcapd {

/// `YYYY-MM-DD HH:MM[:SS]` in local time as seconds since 1970; nothing if it is no time. In the
/// hour that autumn repeats, `earliest` decides which of the two is meant.
enum class Ambiguous { earliest, latest };
[[nodiscard]] std::optional<std::int64_t> local_seconds(const std::string& text, Ambiguous meant);
[[nodiscard]] std::string local_second_text(std::int64_t seconds);
[[nodiscard]] std::string local_minute_text(std::int64_t seconds);
[[nodiscard]] std::string local_date_text(std::int64_t seconds);

} // namespace fiona::redcapd
