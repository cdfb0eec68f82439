// SPDX-License-Identifier: MIT
#include "libfiona/export/zip_writer.h"

#include "libfiona/base/error.h"
#include "libfiona/export/zip_cipher.h"
#include "libfiona/export/zip_pack.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

namespace fiona::exports::zip {

namespace {

/// Sizes from here on get Zip64 fields: room for what deflate and cipher may add.
constexpr std::uint64_t large_bytes = 0xff000000U;
constexpr std::size_t ahead_per_thread = 3;

} // namespace

/// Threads that take the oldest piece of work; it comes back by its future.
class Workers {
public:
    explicit Workers(unsigned threads)
    {
        for (unsigned i = 0; i < std::max(threads, 1U); ++i) {
            m_threads.emplace_back([this](const std::stop_token& stop) { work(stop); });
        }
    }
    Workers(const Workers&) = delete;
    Workers& operator=(const Workers&) = delete;
    ~Workers() = default;

    template <typename Work>
    auto submit(Work work)
    {
        using Result = std::invoke_result_t<Work>;
        auto task = std::make_shared<std::packaged_task<Result()>>(std::move(work));
        auto result = task->get_future();
        {
            const std::lock_guard lock{m_mutex};
            m_queue.emplace_back([task] { (*task)(); });
        }
        m_change.notify_one();
        return result;
    }

    /// How much may be on its way.
    [[nodiscard]] std::size_t window() const { return m_threads.size() * ahead_per_thread; }

private:
    void work(const std::stop_token& stop)
    {
        for (;;) {
            std::unique_lock lock{m_mutex};
            if (!m_change.wait(lock, stop, [&] { return !m_queue.empty(); })) {
                return;
            }
            const auto task = std::move(m_queue.front());
            m_queue.pop_front();
            lock.unlock();
            task();
        }
    }

    std::mutex m_mutex;
    std::condition_variable_any m_change;
    std::deque<std::function<void()>> m_queue;
    std::vector<std::jthread> m_threads; ///< last: they end before what they use
};

Writer::Writer(Output& output, Settings settings)
    : m_output{output}, m_settings{std::move(settings)}, m_workers{std::make_unique<Workers>(
                                                             m_settings.threads)}
{
}

Writer::~Writer() = default;

void Writer::add(std::function<Content()> make)
{
    while (m_waiting.size() >= m_workers->window()) {
        write_next();
    }
    m_waiting.push_back(
        m_workers->submit([this, make = std::move(make)] { return pack(make(), m_settings); }));
}

void Writer::write_next()
{
    auto packed = m_waiting.front().get();
    m_waiting.pop_front();
    if (packed.large) {
        write_large(std::move(*packed.large));
        return;
    }
    packed.entry.offset = m_output.size();
    m_output.append({local_header(packed.entry), packed.bytes});
    m_output.settle();
    m_totals.bytes += packed.entry.bytes;
    m_entries.push_back(std::move(packed.entry));
}

void Writer::write_large(Content content)
{
    Entry entry;
    entry.name = content.name;
    entry.bytes = size_of(content);
    entry.method = method_for(content, m_settings);
    entry.is_large = entry.bytes >= large_bytes;
    entry.offset = m_output.size();
    entry.protection = m_settings.password ? Protection::aes : Protection::none;
    m_output.append({local_header(entry)}); // room for the one that knows the sizes
    const auto begin = m_output.size();
    write_units(std::make_shared<const Content>(std::move(content)), entry);
    entry.packed_bytes = m_output.size() - begin;
    m_output.patch(entry.offset, local_header(entry));
    m_output.settle();
    m_totals.bytes += entry.bytes;
    m_entries.push_back(std::move(entry));
}

void Writer::write_units(const std::shared_ptr<const Content>& content, Entry& entry)
{
    std::optional<Cipher> cipher;
    if (m_settings.password) {
        cipher.emplace(*m_settings.password);
        m_output.append({cipher->prefix()});
    }
    std::deque<std::future<Unit>> waiting;
    std::uint64_t next = 0;
    while (next < entry.bytes || !waiting.empty()) {
        if (next < entry.bytes && waiting.size() < m_workers->window()) {
            waiting.push_back(m_workers->submit([content, next, method = entry.method] {
                return pack_unit(*content, next, method);
            }));
            next += std::min(unit_bytes, entry.bytes - next);
            continue;
        }
        auto unit = waiting.front().get();
        waiting.pop_front();
        entry.crc = combined_crc(entry.crc, unit.crc, unit.plain);
        if (cipher) {
            cipher->encrypt(unit.bytes);
        }
        m_output.append({unit.bytes});
    }
    if (cipher) {
        m_output.append({cipher->checksum()});
    }
}

void Writer::write_directory()
{
    Directory directory{m_entries.size(), m_output.size(), 0};
    std::string block;
    constexpr std::size_t block_bytes = 65536;
    for (const auto& entry : m_entries) {
        block += central_header(entry);
        if (block.size() >= block_bytes) {
            m_output.append({block});
            block.clear();
        }
    }
    m_output.append({block});
    directory.bytes = m_output.size() - directory.offset;
    m_output.append({end_of_archive(directory)});
    m_output.settle();
}

Totals Writer::finish()
{
    while (!m_waiting.empty()) {
        write_next();
    }
    write_directory();
    m_totals.entries = m_entries.size();
    m_totals.packed = m_output.size();
    return m_totals;
}

} // namespace fiona::exports::zip
