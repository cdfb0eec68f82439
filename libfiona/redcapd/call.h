// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/dates.h"
#include "libfiona/base/sqlite.h"
#include "libfiona/redcapd/answer.h"
#include "libfiona/redcapd/form_data.h"
#include "libfiona/redcapd/local_time.h"
#include "libfiona/redcapd/schema.h"
#include "libfiona/redcapd/tokens.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fiona::redcapd {

/// The parameter `format`, XML if it is absent. Throws Refusal{400} for an unknown one.
[[nodiscard]] Format asked_format(const FormData& form);
/// `csvDelimiter`, a comma by default.
[[nodiscard]] char asked_delimiter(const FormData& form);

/// One authorised API call, as its method sees it. The database is inside a transaction that the
/// caller commits: a method that writes is all or nothing.
struct Call {
    const FormData& form;
    Database& database;
    const Schema& schema;
    const Access& access;
    TimePoint now;
    Format error_format = Format::xml; ///< of error texts, and of import and delete answers

    [[nodiscard]] Format format() const { return asked_format(form); }
    [[nodiscard]] char delimiter() const { return asked_delimiter(form); }
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

// The methods. Each returns its answer or throws Refusal.
[[nodiscard]] Answer export_records(const Call& call);
/// Throws what export_records() throws for a call's fields, forms, events and filterLogic.
void check_selection(const Call& call);
[[nodiscard]] Answer import_records(const Call& call);
[[nodiscard]] Answer delete_records(const Call& call);
[[nodiscard]] Answer rename_record(const Call& call);
[[nodiscard]] Answer next_record_name(const Call& call);
[[nodiscard]] Answer export_metadata(const Call& call);
[[nodiscard]] Answer import_metadata(const Call& call);
[[nodiscard]] Answer export_events(const Call& call);
[[nodiscard]] Answer import_events(const Call& call);
[[nodiscard]] Answer delete_events(const Call& call);
[[nodiscard]] Answer export_arms(const Call& call);
[[nodiscard]] Answer import_arms(const Call& call);
[[nodiscard]] Answer delete_arms(const Call& call);
[[nodiscard]] Answer export_mapping(const Call& call);
[[nodiscard]] Answer import_mapping(const Call& call);
[[nodiscard]] Answer export_instruments(const Call& call);
[[nodiscard]] Answer export_repeating(const Call& call);
[[nodiscard]] Answer import_repeating(const Call& call);
[[nodiscard]] Answer export_field_names(const Call& call);
[[nodiscard]] Answer export_project(const Call& call);
[[nodiscard]] Answer import_settings(const Call& call);
[[nodiscard]] Answer export_project_xml(const Call& call);
[[nodiscard]] Answer export_users(const Call& call);
[[nodiscard]] Answer import_users(const Call& call);
[[nodiscard]] Answer delete_users(const Call& call);
[[nodiscard]] Answer export_file(const Call& call);
[[nodiscard]] Answer import_file(const Call& call);
[[nodiscard]] Answer delete_file(const Call& call);
[[nodiscard]] Answer export_report(const Call& call);
[[nodiscard]] Answer export_log(const Call& call);
[[nodiscard]] Answer export_version(const Call& call);

/// One line "Manage/Design" in the project's log.
void log_design(const Call& call, std::string details);
/// Refusal{400} with REDCap's text: `You cannot export events for classic projects`.
void refuse_classic(const Call& call, std::string_view doing);

} // namespace fiona::redcapd
