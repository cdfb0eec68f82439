// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/sqlite.h"
#include "libfiona/redcapd/schema.h"

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Stored values as rows of a flat export.
namespace fiona::redcapd {

/// Which row of a record: sorts as REDCap does, by event, base row first, then forms in the order
/// of the dictionary, then instances.
struct RowKey {
    std::size_t event = 0;
    std::optional<std::size_t> form; ///< repeating form; none: base row, or a repeating event
    std::int64_t instance = 1;       ///< 1 for a base row

    friend auto operator<=>(const RowKey&, const RowKey&) = default;
};

/// Column index -> value; columns that hold nothing are absent.
using RowValues = std::map<std::size_t, std::string>;

struct StoredRecord {
    std::int64_t id = 0;
    std::string name;
    std::map<RowKey, RowValues> rows;
};

/// Whether the fields of `form` can have values on that row: its own form on an instance row; on a
/// base row the forms of the event that do not repeat.
[[nodiscard]] bool belongs(const Schema& schema, std::size_t form, const RowKey& row);

/// All values of a record, with a base row for every event that holds anything (a classic project
/// always has one) unless the event itself repeats.
[[nodiscard]] StoredRecord load_record(Database& database, const Schema& schema, std::int64_t id,
                                       std::string name);

/// A value as the row shows it: blank where the form does not belong, "0" for an unset checkbox
/// choice and for the state of a form never saved.
[[nodiscard]] std::string shown_value(const Schema& schema, const RowKey& key,
                                      const RowValues& values, std::size_t column);

/// Digits compare by their number, the rest by bytes: "2" < "10" < "DEMO_2" < "DEMO_10".
[[nodiscard]] bool natural_less(std::string_view left, std::string_view right);

} // namespace fiona::redcapd
