// SPDX-License-Identifier: MIT
#include "libfiona/redcapd/call.h"

#include "libfiona/redcapd/projects.h"

#include <fmt/format.h>

#include <utility>

namespace fiona::redcapd {

Format asked_format(const FormData& form)
{
    const auto& wanted = form.text("format");
    if (wanted.empty() || wanted == "xml") {
        return Format::xml;
    }
    if (wanted == "json") {
        return Format::json;
    }
    if (wanted == "csv") {
        return Format::csv;
    }
    throw Refusal{400, "The value of the parameter \"format\" is not valid"};
}

char asked_delimiter(const FormData& form)
{
    const auto& wanted = form.text("csvDelimiter");
    if (wanted.empty() || wanted == "comma") {
        return ',';
    }
    if (wanted == "tab") {
        return '\t';
    }
    constexpr std::string_view allowed = ",;|^\t";
    if (wanted.size() == 1 && allowed.find(wanted.front()) != std::string_view::npos) {
        return wanted.front();
    }
    throw Refusal{400, "The value of the parameter \"csvDelimiter\" is not valid"};
}

void Call::require(Right right) const
{
    if (access.may(right)) {
        return;
    }
    switch (right) {
    case Right::export_data: throw Refusal{403, "You do not have API Export privileges"};
    case Right::import_data: throw Refusal{403, "You do not have API Import/Update privileges"};
    case Right::delete_data: throw Refusal{403, "You do not have Delete Record privileges"};
    case Right::design: throw Refusal{403, "You do not have Project Design and Setup privileges"};
    case Right::users: throw Refusal{403, "You do not have User Rights privileges"};
    case Right::logging: break;
    }
    throw Refusal{403, "You do not have Logging privileges"};
}

void Call::refuse_unknown(std::string_view name, const std::vector<std::string>& unknown)
{
    if (!unknown.empty()) {
        throw Refusal{400, fmt::format("The following values in the parameter \"{}\" are not "
                                       "valid: {}",
                                       name, quoted_names(unknown))};
    }
}

void refuse_classic(const Call& call, std::string_view doing)
{
    if (!call.schema.longitudinal) {
        throw Refusal{400, fmt::format("You cannot {} for classic projects", doing)};
    }
}

void log_design(const Call& call, std::string details)
{
    write_log(call.database, call.schema.project, call.now,
              {call.access.account, "Manage/Design", std::move(details), ""});
}

} // namespace fiona::redcapd
