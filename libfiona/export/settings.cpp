// SPDX-License-Identifier: MIT
#include "libfiona/export/settings.h"

#include "libfiona/base/error.h"
#include "libfiona/pacs/research_pacs.h"

#include <limits>

namespace fiona::exports {

namespace fs = std::filesystem;

namespace {

[[noreturn]] void complain(std::string_view key, std::string_view what)
{
    throw Error{Fault::config, "config: EXPORT.{} must be {}", key, what};
}

class Block {
public:
    explicit Block(const Config& config) : m_block{config.document.find("EXPORT")}
    {
        if (m_block != nullptr && !m_block->is_object()) {
            throw Error{Fault::config, "config: EXPORT must be an object"};
        }
    }

    [[nodiscard]] const json::Value* find(std::string_view key) const
    {
        return m_block == nullptr ? nullptr : m_block->find(key);
    }

    [[nodiscard]] std::string text(std::string_view key, const std::string& fallback = {}) const
    {
        const auto* const value = find(key);
        if (value != nullptr && !value->is_string()) {
            complain(key, "a text");
        }
        return value == nullptr ? fallback : value->string();
    }

    template <typename T>
    void number(std::string_view key, T& target, std::int64_t least) const
    {
        const auto* const value = find(key);
        if (value == nullptr) {
            return;
        }
        if (!value->is_integer() || value->integer() < least
            || value->integer() > std::numeric_limits<T>::max()) {
            complain(key, fmt::format("a number, {} or more", least));
        }
        target = static_cast<T>(value->integer());
    }

    void seconds(std::string_view key, std::chrono::seconds& target) const
    {
        auto count = target.count();
        number(key, count, 1);
        target = std::chrono::seconds{count};
    }

private:
    const json::Value* m_block;
};

/// What config.json names, else the site's own, else the one that came with the tools.
fs::path own_or_shipped(const Config& config, const std::string& named, const std::string& own,
                        const std::string& shipped)
{
    if (!named.empty()) {
        return named;
    }
    auto file = config.paths.config() / own;
    return fs::exists(file) ? file : shipped_file("export/" + shipped);
}

void read_move(const Block& block, ExportSettings& settings)
{
    const auto retrieve = block.text("retrieve", "get");
    if (retrieve != "get" && retrieve != "move") {
        complain("retrieve", "get or move");
    }
    if (retrieve == "get") {
        return;
    }
    settings.retrieve = ExportSettings::Retrieve::move;
    block.number("move_port", settings.move_port, 1);
    const auto title = block.text("move_aet");
    if (settings.move_port == 0 || title.empty()) {
        complain("move_aet and move_port", "given, if retrieve is move");
    }
    settings.move_aet.emplace(title);
}

} // namespace

ExportSettings read_settings(const Config& config)
{
    const Block block{config};
    const auto pages = config.paths.applications / "Exports" / "php";
    ExportSettings settings;
    settings.list = pages / "prepared_downloads_list.jobs";
    settings.failed_list = pages / "failed_downloads_list.jobs";
    settings.measurements = pages / "execMeasurements.json";
    settings.tokens = block.text("tokens_file", (pages / "tokens.json").native());
    settings.work = config.paths.export_root / "Export";
    settings.packages = settings.work / "files";
    settings.types = own_or_shipped(config, block.text("types"), "exports.json", "exports.json");
    settings.mail_template =
        own_or_shipped(config, block.text("mail_template"), "export-mail.txt", "mail.txt");
    settings.last_exports = config.paths.state() / "exports.json";
    settings.pacs = pacs::research_query(config);
    read_move(block, settings);
    block.number("attempts", settings.attempts, 1);
    block.number("threads", settings.threads, 1);
    block.seconds("first_wait", settings.first_wait);
    block.seconds("longest_wait", settings.longest_wait);
    block.seconds("converter_deadline", settings.converter_deadline);
    settings.link = block.text("link");
    const auto compression = block.text("compression", "deflate");
    if (compression != "deflate" && compression != "store") {
        complain("compression", "deflate or store");
    }
    settings.compression =
        compression == "store" ? zip::Compression::store : zip::Compression::deflate;
    if (const auto* const domains = block.find("mail_domains")) {
        if (!domains->is_array()) {
            complain("mail_domains", "a list of texts");
        }
        for (const auto& domain : domains->array()) {
            settings.mail_domains.push_back(domain.text());
        }
    }
    return settings;
}

} // namespace fiona::exports
