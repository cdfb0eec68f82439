// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fiona::redcapd {

/// A part of a multipart request that came with a file name.
struct UploadedFile {
    std::string name; ///< without directories; "" if it was not named
    std::string bytes;
};

/// The parameters of one API call, as PHP would see them. Unknown ones are simply never asked for.
class FormData {
public:
    FormData() = default;
    explicit FormData(std::vector<std::pair<std::string, std::string>> parameters)
        : m_parameters{std::move(parameters)}
    {
    }
    /// Decodes application/x-www-form-urlencoded. Throws Error{Fault::data} above 100,000 parts.
    [[nodiscard]] static FormData parse(std::string_view body);

    void add(std::string name, std::string value);
    /// `name` is there then, without text. The last file counts.
    void add_file(const std::string& name, UploadedFile file);

    /// The last one of that name; "" if there is none.
    [[nodiscard]] const std::string& text(std::string_view name) const;
    [[nodiscard]] bool has(std::string_view name) const;
    /// `name[0]=a`, `name[]=a` and `name=a,b`, in the order sent, blank ones left out.
    [[nodiscard]] std::vector<std::string> list(std::string_view name) const;
    /// `true`, `True` and `1`; anything else is false.
    [[nodiscard]] bool flag(std::string_view name) const;
    [[nodiscard]] const std::optional<UploadedFile>& file() const { return m_file; }
    /// Equal for equal parameters in equal order, files included.
    [[nodiscard]] std::string digest() const;

private:
    std::vector<std::pair<std::string, std::string>> m_parameters;
    std::optional<UploadedFile> m_file;
};

} // namespace fiona::redcapd
