-- One session as a person has it: a fault is told, a hover opens, a code action is chosen and edits the text.
-- Neovim's own functions do it all; what was seen is written as JSON to the file named by $PYMODEL_SEEN.

local seen = {}
local buffer = vim.api.nvim_get_current_buf()

local function await(what, condition)
  assert(vim.wait(tonumber(vim.env.PYMODEL_SECONDS) * 1000, condition, 50), 'waited for ' .. what)
end

local function text_of(number)
  return table.concat(vim.api.nvim_buf_get_lines(number, 0, -1, false), '\n')
end

local function go_to(pattern)
  vim.fn.cursor(1, 1)
  assert(vim.fn.search(pattern, 'c') > 0, 'no line has ' .. pattern)
end

local function floating_window()
  for _, window in ipairs(vim.api.nvim_list_wins()) do
    if vim.api.nvim_win_get_config(window).relative ~= '' then
      return window
    end
  end
end

local function choose_action(title)
  vim.ui.select = function(items, options, on_choice)
    for index, item in ipairs(items) do
      if item[2].title:find(title, 1, true) then
        return on_choice(item, index)
      end
    end
    error('no action has ' .. title .. ': ' .. vim.inspect(items))
  end
  local before = vim.api.nvim_buf_get_changedtick(buffer)
  vim.lsp.buf.code_action()
  await('the edit of ' .. title, function() return vim.api.nvim_buf_get_changedtick(buffer) > before end)
end

local function run()
  local function errors()
    return vim.diagnostic.get(buffer, { severity = vim.diagnostic.severity.ERROR })
  end

  await('a fault', function() return #errors() > 0 end)
  seen.faults = vim.tbl_map(function(each)
    return { line = each.lnum + 1, message = each.message, source = each.source, code = each.code }
  end, errors())

  go_to('self\\.conv(x)')
  vim.lsp.buf.hover()
  await('a hover', floating_window)
  seen.hover = text_of(vim.api.nvim_win_get_buf(floating_window()))
  vim.api.nvim_win_close(floating_window(), true)

  -- The fault is typed over, and its diagnostic goes.
  go_to('6401')
  vim.cmd('substitute/6401/6400/')
  await('no fault', function() return #errors() == 0 end)

  go_to('class Net')
  choose_action('Pin the input of Net')
  seen.pinned = vim.api.nvim_get_current_line()
end

local ok, problem = pcall(run)
seen.problem = not ok and tostring(problem) or nil
local file = assert(io.open(vim.env.PYMODEL_SEEN, 'w'))
file:write(vim.json.encode(seen))
file:close()
vim.cmd('qa!')
