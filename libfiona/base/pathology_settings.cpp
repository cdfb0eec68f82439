// SPDX-License-Identifier: MIT
#include "libfiona/base/pathology_settings.h"

#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/json.h"

#include <algorithm>
#include <array>

namespace fiona {

namespace fs = std::filesystem;

namespace {

constexpr std::int64_t longest_seconds = 86'400;
constexpr std::int64_t most_attempts = 1000;

class Reader {
public:
    explicit Reader(std::string file) : m_file{std::move(file)} {}

    [[noreturn]] void complain(std::string_view key, std::string_view what) const
    {
        throw Error{Fault::config, "{}: {} must be {}", m_file, key, what};
    }

    /// A key that nobody reads is a key that somebody relies on.
    void require_known(const json::Object& object, const std::vector<std::string_view>& known) const
    {
        for (const auto& [key, value] : object) {
            if (std::ranges::find(known, key) == known.end()) {
                throw Error{Fault::config, "{}: there is no setting {}", m_file, key};
            }
        }
    }

    [[nodiscard]] std::int64_t number(const json::Value& object, std::string_view key,
                                      std::int64_t fallback, std::int64_t most) const
    {
        const auto* const value = object.find(key);
        if (value == nullptr) {
            return fallback;
        }
        if (!value->is_integer() || value->integer() < 0 || value->integer() > most) {
            complain(key, fmt::format("a whole number, at most {}", most));
        }
        return value->integer();
    }

    [[nodiscard]] bool flag(const json::Value& object, std::string_view key) const
    {
        const auto* const value = object.find(key);
        if (value != nullptr && !value->is_bool()) {
            complain(key, "true or false");
        }
        return value != nullptr && value->boolean();
    }

    [[nodiscard]] std::vector<fs::path> roots(const json::Value& document) const
    {
        std::vector<fs::path> roots;
        const auto* const list = document.find("import_roots");
        if (list == nullptr) {
            return roots;
        }
        if (!list->is_array()) {
            complain("import_roots", "a list of absolute directories");
        }
        for (const auto& item : list->array()) {
            const fs::path root{item.text()};
            // The root directory itself would allow everything.
            if (!root.is_absolute() || root.lexically_normal() == "/"
                || std::ranges::find(root, fs::path{".."}) != root.end()) {
                complain("import_roots", "a list of absolute directories");
            }
            roots.push_back(root.lexically_normal());
        }
        return roots;
    }

    [[nodiscard]] std::map<std::string, PathologySettings::Project>
    projects(const json::Value& document) const
    {
        std::map<std::string, PathologySettings::Project> projects;
        const auto* const entries = document.find("projects");
        if (entries == nullptr) {
            return projects;
        }
        if (!entries->is_object()) {
            complain("projects", "an object");
        }
        for (const auto& [name, entry] : entries->object()) {
            if (!entry.is_object()) {
                complain("projects", "an object of objects");
            }
            require_known(entry.object(), {"cache_original", "keep_macro"});
            projects.emplace(name, PathologySettings::Project{flag(entry, "cache_original"),
                                                              flag(entry, "keep_macro")});
        }
        return projects;
    }

private:
    std::string m_file;
};

json::Value document_of(const std::string& text, const std::string& name)
{
    try {
        auto document = json::parse(text, name);
        if (document.is_object()) {
            return document;
        }
    } catch (const Error& e) {
        throw Error{Fault::config, "{}", e.what()};
    }
    throw Error{Fault::config, "{}: must be an object", name};
}

} // namespace

fs::path pathology_file(const Config& config)
{
    return config.paths.config() / "pathology.json";
}

PathologySettings::Project PathologySettings::project(const std::string& name) const
{
    const auto found = projects.find(name);
    return found == projects.end() ? Project{} : found->second;
}

PathologySettings read_pathology_settings(const Config& config)
{
    PathologySettings settings;
    const auto file = pathology_file(config);
    const auto text = read_file_if_any(file);
    if (!text) {
        return settings;
    }
    const auto document = document_of(*text, file.native());
    const Reader reader{file.native()};
    reader.require_known(document.object(),
                         {"import_roots", "quiet_seconds", "attempts", "first_wait", "longest_wait",
                          "label_percent", "projects"});
    settings.import_roots = reader.roots(document);
    settings.projects = reader.projects(document);
    const auto seconds = [&](std::string_view key, std::chrono::seconds fallback) {
        return std::chrono::seconds{
            reader.number(document, key, fallback.count(), longest_seconds)};
    };
    settings.quiet = seconds("quiet_seconds", settings.quiet);
    settings.first_wait = seconds("first_wait", settings.first_wait);
    settings.longest_wait = seconds("longest_wait", settings.longest_wait);
    settings.attempts = static_cast<unsigned>(
        reader.number(document, "attempts", settings.attempts, most_attempts));
    constexpr std::int64_t whole = 100;
    settings.label_fraction =
        static_cast<double>(reader.number(document, "label_percent", 0, whole)) / whole;
    return settings;
}

} // namespace fiona
