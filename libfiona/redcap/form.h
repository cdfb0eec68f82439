// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace fiona::redcap {

/// The body of one call, application/x-www-form-urlencoded with arrays as PHP reads them. It holds
/// the token and perhaps patients' hashes: never logged.
class Form {
public:
    Form& set(std::string_view name, std::string_view value);
    /// `name[0]=...&name[1]=...`; nothing at all for an empty list.
    Form& set(std::string_view name, const std::vector<std::string>& values);

    [[nodiscard]] const std::string& body() const { return m_body; }

private:
    void append(std::string_view text);

    std::string m_body;
};

} // namespace fiona::redcap
