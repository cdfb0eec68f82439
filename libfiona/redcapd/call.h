// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/dates.h"
#include "libfiona/redcapd/answer.h"
#include "libfiona/redcapd/form_data.h"
#include "libfiona/redcapd/schema.h"
#include "libfiona/redcapd/sqlite.h"
#include "libfiona/redcapd/tokens.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fiona::redcapd {

/// One authorised API call, as its method sees it. The database is inside a transaction that the
/// caller commits: a method that writes is all or nothing.
struct Call {
    const FormData& form;
    Database& database;
    const Schema& schema;
    const Access& access;
    TimePoint now;
    Format error_format = Format::xml; ///< of error texts, and of import and delete answers

    /// The parameter `format`. Throws Refusal: absent (it means XML) is 400, `xml` and `odm` 501.
    [[nodiscard]] Format format() const;
    /// `csvDelimiter`, a comma by default.
    [[nodiscard]] char delimiter() const;
    /// Throws Refusal{403} with REDCap's text.
    void require(Right right) const;
    /// The list of that name; Refusal{400} with REDCap's text naming all that `is_known` denies.
    template <typename IsKnown>
    [[nodiscard]] std::vector<std::string> known_list(std::string_view name,
                                                      const IsKnown& is_known) const
    {
        auto items = form.list(name);
        std::vector<std::string> unknown;
        for (const auto& item : items) {
            if (!is_known(item)) {
                unknown.push_back(item);
            }
        }
        refuse_unknown(name, unknown);
        return items;
    }

private:
    static void refuse_unknown(std::string_view name, const std::vector<std::string>& unknown);
};

/// `YYYY-MM-DD HH:MM[:SS]` in local time as seconds since 1970; nothing if it is no time. In the
/// hour that autumn repeats, `earliest` decides which of the two is meant.
enum class Ambiguous { earliest, latest };
[[nodiscard]] std::optional<std::int64_t> local_seconds(const std::string& text, Ambiguous meant);
[[nodiscard]] std::string local_second_text(std::int64_t seconds);
[[nodiscard]] std::string local_minute_text(std::int64_t seconds);

// The methods. Each returns its answer or throws Refusal.
[[nodiscard]] Answer export_records(const Call& call);
[[nodiscard]] Answer import_records(const Call& call);
[[nodiscard]] Answer delete_records(const Call& call);
[[nodiscard]] Answer next_record_name(const Call& call);
[[nodiscard]] Answer export_metadata(const Call& call);
[[nodiscard]] Answer import_metadata(const Call& call);
[[nodiscard]] Answer export_events(const Call& call);
[[nodiscard]] Answer export_arms(const Call& call);
[[nodiscard]] Answer export_mapping(const Call& call);
[[nodiscard]] Answer export_instruments(const Call& call);
[[nodiscard]] Answer export_repeating(const Call& call);
[[nodiscard]] Answer import_repeating(const Call& call);
[[nodiscard]] Answer export_field_names(const Call& call);
[[nodiscard]] Answer export_project(const Call& call);
[[nodiscard]] Answer export_log(const Call& call);
[[nodiscard]] Answer export_version(const Call& call);

} // namespace fiona::redcapd
