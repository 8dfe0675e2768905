module onewrite

go 1.26
